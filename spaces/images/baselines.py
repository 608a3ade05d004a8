"""A plain convolutional network of a given number of parameters, to stand beside what a search finds."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import torch
from torch import Tensor, nn

from nni_nasplus.data.images.arrays import ImageShape
from nni_nasplus.networks.cost import count_parameters

__all__ = ["ResNet", "resnet20"]

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
        widths = [-(-width // 2**halvings) for halvings in reversed(range(_STAGES))]
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


def resnet20(winner: nn.Module, shape: ImageShape) -> ResNet:
    """A ResNet-20 of as nearly as can be as many parameters as the winner has without its auxiliary head."""
    wanted = count_parameters(winner)

    def parameters(width: int) -> int:
        with torch.device("meta"):
            return count_parameters(ResNet(shape, width))

    above = 1 + bisect_left(range(1, _WIDEST), wanted, key=parameters)
    width = min((max(1, above - 1), above), key=lambda width: abs(parameters(width) - wanted))
    return ResNet(shape, width)
