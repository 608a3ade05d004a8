"""What a network makes of photographs, beside interpolation and the original."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from nni_nasplus.data.photos.encoder import as_pixels
from nni_nasplus.data.photos.module import PhotoBatch
from nni_nasplus.data.photos.side_by_side import Shown, SideBySide
from nni_nasplus.training.superresolution.resolver import luma, measured

__all__ = ["side_by_side"]

_SIDE = 120
"""Pixels of the original that are shown: so many that single ones can be seen when they are enlarged."""


def side_by_side(network: nn.Module, batch: PhotoBatch, factor: int, name: str) -> SideBySide:
    """A part of a photograph: small, by bicubic interpolation, by a network, and as it was.

    It is the part in which interpolation errs most, whatever the network; PSNR and SSIM are of the whole photograph.

    Parameters
    ----------
    batch
        Of one photograph.
    name
        Of its file.
    """
    device = next((weights.device for weights in network.parameters()), torch.device("cpu"))
    with torch.inference_mode():
        low, whole = batch.low, batch.label
        bicubic = interpolate(low, scale_factor=factor, mode="bicubic")
        enlarged = network.eval()(low.to(device)).float().cpu()
        small = interpolate(low, scale_factor=factor, mode="nearest")
    made = {"small": small, "bicubic": bicubic, "network": enlarged, "original": whole}
    figures = {name: _figures(measured(made[name], whole, factor)) for name in ("bicubic", "network")}
    height, width = low.shape[2:]
    figures["small"] = f"{width} by {height} pixels"
    figures["original"] = f"{width * factor} by {height * factor} pixels"
    part = _hardest(bicubic, whole, factor)
    return SideBySide(name, [Shown(title, figures[title], as_pixels(one[part])) for title, one in made.items()])


def _figures(metrics: Mapping[str, Tensor]) -> str:
    return f"{float(metrics['psnr']):.2f} dB, SSIM {float(metrics['ssim']):.4f}"


def _hardest(made: Tensor, whole: Tensor, factor: int) -> tuple[slice, ...]:
    """Where in pictures [1, C, H, W] the mean squared error of the luma is greatest; it begins at a small pixel."""
    side = min(_SIDE, *whole.shape[2:])
    errors = avg_pool2d((luma(made) - luma(whole)).square(), side, stride=factor)[0, 0]
    row, column = divmod(int(errors.argmax()), errors.shape[1])
    top, left = row * factor, column * factor
    return slice(None), slice(None), slice(top, top + side), slice(left, left + side)
