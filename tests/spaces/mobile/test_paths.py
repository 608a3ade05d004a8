"""The supernet of all mobile networks: a path is the stand-alone network, of whatever width, depth and kernels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from one_shot_searches import Labelled
from torch.testing import assert_close

from nni_nasplus import registry
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.spaces.mobile import MobileSpace
from nni_nasplus.spaces.mobile.block import InvertedResidual

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
WIDTHS = {"width": [1.0, 0.5, 1.5], "learning_rate": [0.1, 0.2]}
SPACE = MobileSpace(channels=16, depth=2, classes=3, size=8, hyperparameters=WIDTHS)
SUPERNET = SPACE.path_supernet()
IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
OP = "mb{}_{}x{}{}"


def alone(architecture):
    """The network that the space builds, with the weights of the path."""
    network = SPACE.build(architecture)
    network.load_state_dict(SUPERNET.network_of(architecture).state_dict())
    return network


@pytest.mark.parametrize("training", [False, True])
@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32))
def test_a_path_computes_what_the_stand_alone_network_with_its_weights_does(training, seed):
    architecture = SPACE.search_space.sample(np.random.default_rng(seed))
    network = alone(architecture).train(training)
    with torch.no_grad(), SUPERNET.train(training).only(architecture):
        assert_close(SUPERNET(IMAGES), network(IMAGES), rtol=1e-5, atol=1e-5)


def network(expansion=6, kernel=7, squeeze=True, **others):
    op = OP.format(expansion, kernel, kernel, "_se" * squeeze)
    chosen = {name: op if name.startswith("op_") else max(of) for name, of in SPACE.search_space.decisions.items()}
    return SUPERNET.network_of(SPACE.search_space.validate({**chosen, "learning_rate": 0.1, **others}))


def test_a_small_kernel_is_the_middle_of_a_large_one_and_few_channels_are_the_first_of_many():
    large, small = network(), network(expansion=3, kernel=3, width=0.5)
    whole, part = (net.blocks[2].layers["depthwise"][0].weight for net in (large, small))
    assert torch.equal(part, whole[: len(part), :, 2:5, 2:5])
    assert len(part) < len(whole)
    whole, part = (net.blocks[2].layers["project"][1].weight for net in (large, small))
    assert torch.equal(part, whole[: len(part)])


def test_blocks_share_weights_by_their_places_with_and_without_squeeze_excite():
    deep, shallow = network(), network(squeeze=False, depth_1=1)
    assert (len(deep.blocks), len(shallow.blocks)) == (12, 11)
    for role in ("expand", "depthwise", "project"):
        assert torch.equal(deep.blocks[3].layers[role][0].weight, shallow.blocks[2].layers[role][0].weight)
    assert "squeeze" not in shallow.blocks[2].layers


def test_the_largest_network_has_all_weights():
    largest = network()
    assert sum(weight.numel() for weight in SUPERNET.parameters()) == sum(
        weight.numel() for name, weight in largest.named_parameters()
    )


def test_residual_blocks_start_as_shortcuts_by_bignas():
    found = made(registry.load("one_shot", "bignas"), SPACE, Labelled(IMAGES, torch.tensor([0, 1, 2, 0]), 2), epochs=1)
    x = {}
    with found.supernet.only(found.largest):
        blocks = [one for one in found.supernet.alone.modules() if isinstance(one, InvertedResidual)]
        for block in blocks:
            block.register_forward_hook(lambda block, given, output: x.update({block.place: (given[0], output)}))
        found.supernet(IMAGES)
    residual = [block.place for block in blocks if block.is_residual]
    assert len(residual) == 5
    assert all(torch.equal(*x[place]) for place in residual)
    assert count_parameters(SPACE.build(found.largest)) == sum(w.numel() for w in found.supernet.parameters())
    assert found.smallest["width"] == 0.5


@pytest.mark.system
@pytest.mark.parametrize("name", ["bignas", "spos"])
def test_searches_by_paths_find_widths_too_and_leave_norms_as_they_were(name):
    evaluator = Labelled(IMAGES.repeat(3, 1, 1, 1), torch.arange(12) % 3, 6)
    quick = {"epochs": 1, "rounds": 2, "population": 4, "batches": 1}
    found = fit(made(registry.load("one_shot", name), SPACE, evaluator, **quick)).architectures
    assert all(SPACE.search_space.validate(one) == one for one in found)
    assert {one["learning_rate"] for one in found} == {0.1}
    assert len({one["width"] for one in found}) > 1
