"""Residual networks that enlarge pictures: EDSR (Lim et al., arXiv 1707.02921) with other operations in its blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn.functional import interpolate

from nni_nasplus.networks.quantised.grids import FLOAT
from nni_nasplus.networks.quantised.layers import LAYERS, Bits, quantise_layers, quantised_layers

__all__ = [
    "FREE_AXES",
    "OPERATIONS",
    "SKIP",
    "Enlarging",
    "at_bits",
    "bits_in",
    "enlarged",
    "operation",
    "shared_operation",
    "silent",
]

SKIP = "skip"
OPERATIONS = ("conv3x3", "conv5x5", "separable3x3", "bottleneck", SKIP)
"""What a block may compute, that of EDSR first."""


FREE_AXES: Mapping[int, str] = {0: "batch", 2: "height", 3: "width"}
"""Which axes of pictures may be of any size."""


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

    free_axes = FREE_AXES

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


def at_bits(names: Sequence[str], bits: Sequence[int]) -> list[str]:
    """Operations with each number of bits, as in conv3x3@4; as they are where there are no bits."""
    return [one for name in names for one in ([f"{name}@{b}" for b in bits] if bits and name != SKIP else [name])]


def bits_in(name: str) -> int:
    """Of an operation as :func:`at_bits` writes it: 32 where it says nothing."""
    return int(name.partition("@")[2] or FLOAT)


def operation(name: str, channels: int) -> nn.Module:
    """What a block of a network adds to what it is given, of the same shape; a skip adds nothing.

    Parameters
    ----------
    name
        One of :data:`OPERATIONS`, perhaps with bits: its convolutions then have those.
    """
    own, with_bits, _ = name.partition("@")
    if not with_bits:
        return _float_operation(own, channels)
    module = shared_operation(own, channels)
    for _, layer in quantised_layers(module):
        layer.bits = Bits(bits_in(name), bits_in(name))
    return module


def shared_operation(name: str, channels: int) -> nn.Module:
    """An operation whose convolutions can have any bits."""
    module = _float_operation(name, channels)
    layers = [where for where, one in module.named_modules() if isinstance(one, LAYERS)]
    return quantise_layers(module, dict.fromkeys(layers, Bits(FLOAT, FLOAT)))


def _float_operation(name: str, channels: int) -> nn.Module:
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
