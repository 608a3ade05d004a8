"""Residual networks that enlarge pictures: EDSR (Lim et al., arXiv 1707.02921) with other operations in its blocks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import interpolate

__all__ = ["OPERATIONS", "SKIP", "Enlarging", "enlarged", "operation", "silent"]

SKIP = "skip"
OPERATIONS = ("conv3x3", "conv5x5", "separable3x3", "bottleneck", SKIP)
"""What a block may compute, that of EDSR first."""


class Enlarging(nn.Module):
    """Pictures [B, C, h, w] → convolution → blocks x + f(x) → convolution → pixels, added to the bicubic picture.

    EDSR has no bicubic picture; with it, and with last weights that are 0 at first, a network begins as interpolation.

    Parameters
    ----------
    colours
        C.
    factor
        The scale factor s.
    channels
        Between the convolutions.
    blocks
        An operation each.
    """

    def __init__(self, colours: int, factor: int, channels: int, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.factor = factor
        self.head = nn.Conv2d(colours, channels, 3, padding=1)
        self.blocks = nn.ModuleList(blocks)
        self.tail = silent(nn.Conv2d(channels, colours * factor**2, 3, padding=1))
        self.pixels = nn.PixelShuffle(factor)

    def forward(self, low: Tensor) -> Tensor:
        """[B, C, h · s, w · s]."""
        x = self.head(low)
        for block in self.blocks:
            x = x + block(x)
        return enlarged(low, self.factor) + self.pixels(self.tail(x))


def silent(layer: nn.Conv2d) -> nn.Conv2d:
    """A convolution that gives zeros until it has learned."""
    for weights in layer.parameters():
        nn.init.zeros_(weights)
    return layer


def enlarged(low: Tensor, factor: int) -> Tensor:
    """Pictures enlarged by bicubic interpolation."""
    return interpolate(low, scale_factor=factor, mode="bicubic")


def operation(name: str, channels: int) -> nn.Module:
    """What a block of a network adds to what it is given, of the same shape; a skip adds nothing."""
    if name == SKIP:
        return Nothing()
    if name == "separable3x3":
        return nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
            nn.Conv2d(channels, channels, 1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
            nn.Conv2d(channels, channels, 1),
        )
    if name == "bottleneck":
        half = max(1, channels // 2)
        return nn.Sequential(
            nn.Conv2d(channels, half, 1),
            nn.ReLU(),
            nn.Conv2d(half, half, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(half, channels, 1),
        )
    kernel = {"conv3x3": 3, "conv5x5": 5}[name]
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2),
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2),
    )


class Nothing(nn.Module):
    """Zeros."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 0
