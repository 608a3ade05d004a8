"""Plain residual networks of a given number of parameters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.data.images.arrays import ImageShape
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.hyperparameters import around
from nni_nasplus.networks.plain_space import PlainSpace
from nni_nasplus.spaces.images.recommended import WEIGHT_DECAY

__all__ = ["RATE", "ResNet", "ResNets", "width_like"]

RATE = 0.025
"""Where DARTS begins its schedule of learning rates."""
_STAGES = 3
_BLOCKS = 3
_WIDEST = 1 << 14


class ResNet(nn.Module):
    """Images [B, C, H, W] → logits [B, classes], by a residual network of three stages (arXiv 1512.03385, §4.2).

    Parameters
    ----------
    width
        The channels of the last stage; half of them in the second, a quarter in the first, rounded up.
    blocks
        Of two 3×3 convolutions, in each stage: 3 for ResNet-20.
    """

    def __init__(self, shape: ImageShape, width: int, blocks: int = _BLOCKS) -> None:
        super().__init__()
        widths = _widths(width)
        self.stem = _conv_bn(shape.in_channels, widths[0])
        steps = pairwise([widths[0], *(width for width in widths for _ in range(blocks))])
        strides = [2 if stage and not block else 1 for stage in range(_STAGES) for block in range(blocks)]
        self.blocks = nn.Sequential(
            *(_Block(n_in, n_out, stride) for (n_in, n_out), stride in zip(steps, strides, strict=True))
        )
        self.classifier = nn.Linear(width, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, classes]."""
        return self.classifier(self.blocks(self.stem(images).relu()).mean((2, 3)))


class _Block(nn.Module):
    """x + two convolutions; where the size changes, x loses every other pixel and gains channels of zeros."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.stride, self.added = stride, n_out - n_in
        self.path = nn.Sequential(_conv_bn(n_in, n_out, stride), nn.ReLU(), _conv_bn(n_out, n_out))

    def forward(self, x: Tensor) -> Tensor:
        kept = x[..., :: self.stride, :: self.stride]
        return (nn.functional.pad(kept, (0, 0, 0, 0, 0, self.added)) + self.path(x)).relu()


def _conv_bn(n_in: int, n_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out))


class ResNets(PlainSpace):
    """ResNet-20 of one width, tuned: images [B, C, H, W] to logits [B, classes].

    Parameters
    ----------
    classes, in_channels, size
        The constants of prepared images: see :class:`~nni_nasplus.data.images.arrays.ImageShape`.
    width
        The channels of the last stage.
    learning_rate
        What is tried first.
    """

    def __init__(self, classes: int, in_channels: int, size: int, width: int = 64, learning_rate: float = RATE) -> None:
        super().__init__()
        self.shape = ImageShape(classes, in_channels, size)
        # the width is a decision of one choice, so that networks of two winners have two names
        choices = {"width": [width], "learning_rate": around(learning_rate), "weight_decay": WEIGHT_DECAY}
        self._tune("ResNet-20", choices)

    def _network(self, architecture: Mapping[str, Any]) -> ResNet:
        return ResNet(self.shape, architecture["width"])

    def example(self) -> Tensor:
        """Make one black image [1, in_channels, size, size]."""
        return torch.zeros(1, self.shape.in_channels, self.shape.size, self.shape.size)

    def _steps(self, architecture: Mapping[str, Any]) -> list[str]:
        widths = _widths(architecture["width"])
        blocks = [f"{_BLOCKS} residual blocks of {width} channels, stage {n}" for n, width in enumerate(widths, 1)]
        return ["image", "3×3 convolution", *blocks, "mean over the image", f"{self.shape.classes} classes"]


def width_like(winner: nn.Module, shape: ImageShape) -> int:
    """That of a ResNet-20 of as many parameters as the winner has without its auxiliary head."""
    wanted = count_parameters(winner)
    above = 1 + bisect_left(range(1, _WIDEST), wanted, key=lambda width: _parameters(shape, width))
    return min((max(1, above - 1), above), key=lambda width: abs(_parameters(shape, width) - wanted))


@cache
def _parameters(shape: ImageShape, width: int) -> int:
    """Of the network; that of a winner is asked for several times in a tail, and takes 16 networks to find."""
    with torch.device("meta"):
        return count_parameters(ResNet(shape, width))


def _widths(width: int) -> list[int]:
    """The channels of each stage."""
    return [-(-width // 2**halvings) for halvings in reversed(range(_STAGES))]
