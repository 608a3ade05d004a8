"""Networks that enlarge pictures, what stands beside them, and how they are measured."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.superresolution import SuperResolutionSpace
from nni_nasplus.spaces.superresolution.network import OPERATIONS
from nni_nasplus.training.superresolution.resolver import luma, measured

SPACE = SuperResolutionSpace(scale_factor=3, colours=3, channels=4, blocks=2)


def picture(size=12):
    return torch.rand((1, 3, size, size), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("seed", range(4))
def test_a_network_begins_as_bicubic_interpolation(seed):
    network = SPACE.build(SPACE.search_space.sample(np.random.default_rng(seed)))
    assert torch.equal(network(picture()), interpolate(picture(), scale_factor=3, mode="bicubic"))


def test_a_network_of_convolutions_is_the_edsr_beside_it_and_a_skip_has_no_weights():
    whole = SPACE.build({"block_1": "conv3x3", "block_2": "conv3x3"})
    beside = SPACE.baselines(whole)
    assert count_parameters(whole) == count_parameters(beside["EDSR"])
    assert count_parameters(beside["bicubic"]) == 0
    shorter = SPACE.build({"block_1": "conv3x3", "block_2": "skip"})
    assert count_parameters(whole) - count_parameters(shorter) == 2 * (9 * 4 * 4 + 4)
    assert {tuple(one(picture()).shape) for one in beside.values()} == {(1, 3, 36, 36)}


def test_there_are_as_many_as_operations_by_block_and_each_has_a_notation():
    assert SPACE.search_space.size == len(OPERATIONS) ** 2
    assert SPACE.parse_genotype("conv5x5-skip") == {"block_1": "conv5x5", "block_2": "skip"}
    with pytest.raises(UserError, match="has not 2 operations"):
        SPACE.parse_genotype("conv5x5")


def test_the_luma_of_white_black_and_grey_is_that_of_television():
    colours = torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0]]).view(3, 3, 1, 1)
    expected = [235 / 255, 16 / 255, (16 + 65.481) / 255]
    assert luma(colours).flatten().tolist() == pytest.approx(expected, abs=1e-4)
    assert luma(colours[:, :1]).shape == (3, 1, 1, 1)


def test_psnr_is_that_of_the_definition_without_the_borders():
    label = (picture(40) * 255).round() / 255
    wrong = label.clone()
    wrong[..., :2, :] = 0.0
    assert measured(wrong, label, 2)["psnr"] > 100 or math.isinf(measured(wrong, label, 2)["psnr"])
    shifted = (label * 200 + 20).round() / 255
    error = (luma(shifted) - luma(label))[..., 2:-2, 2:-2].square().mean()
    assert float(measured(shifted, label, 2)["psnr"]) == pytest.approx(-10 * math.log10(float(error)), abs=1e-3)
    assert float(measured(label, label, 2)["ssim"]) == pytest.approx(1.0, abs=1e-5)
