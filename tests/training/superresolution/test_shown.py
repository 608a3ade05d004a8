"""What a network makes of a photograph, beside interpolation and the original."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from nni_nasplus.data.photos import PhotoBatch
from nni_nasplus.data.photos.encoder import reduced
from nni_nasplus.spaces.superresolution.baselines import Bicubic
from nni_nasplus.training.superresolution.resolver import measured
from nni_nasplus.training.superresolution.shown import side_by_side


def photograph(colours=3):
    """Grey but for noise from row 150 and column 20 on, 100 pixels high and wide."""
    whole = torch.full((1, colours, 300, 200), 0.5)
    noise = torch.rand((1, colours, 100, 100), generator=torch.Generator().manual_seed(0))
    whole[..., 150:250, 20:120] = noise
    whole = (whole * 255).round() / 255
    return PhotoBatch(reduced(whole, 2), whole)


def test_the_part_is_that_in_which_interpolation_errs_most_and_all_show_the_same():
    batch = photograph()
    found = side_by_side(Bicubic(2), batch, 2, "some/where/0801.png")
    small, bicubic, network, original = found.shown
    assert [one.title for one in found.shown] == ["small", "bicubic", "network", "original"]
    assert {one.pixels.shape for one in found.shown} == {(120, 120, 3)}
    whole = (batch.label[0] * 255).round().byte().permute(1, 2, 0).numpy()
    assert (original.pixels != 128).any(-1).sum() == (whole != 128).any(-1).sum()
    assert np.array_equal(bicubic.pixels, network.pixels)
    nearest = (interpolate(batch.low, scale_factor=2)[0] * 255).round().byte().permute(1, 2, 0).numpy()
    places = np.argwhere((nearest == small.pixels[0, 0]).all(-1))
    assert any(np.array_equal(nearest[y : y + 120, x : x + 120], small.pixels) for y, x in places)


def test_figures_are_of_the_whole_photograph():
    batch = photograph()
    bicubic = interpolate(batch.low, scale_factor=2, mode="bicubic")
    expected = measured(bicubic, batch.label, 2)
    found = side_by_side(Bicubic(2), batch, 2, "a.png")
    assert found.shown[2].figures == f"{float(expected['psnr']):.2f} dB, SSIM {float(expected['ssim']):.4f}"
    assert [found.shown[place].figures for place in (0, 3)] == ["100 by 150 pixels", "200 by 300 pixels"]


def test_they_are_one_picture_too_grey_ones_and_small_ones_as_well():
    small = PhotoBatch(*(one[..., :side, :side] for one, side in zip(photograph(1), (40, 80), strict=True)))
    found = side_by_side(Bicubic(2), small, 2, "folder/temple.jpg")
    assert found.stem == "temple"
    assert Image.open(io.BytesIO(found.png)).size == (4 * 240 + 3 * 8, 240 + 40)
    assert Image.open(io.BytesIO(found.shown[0].png)).size == (80, 80)
