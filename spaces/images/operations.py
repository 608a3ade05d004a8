"""The operations of convolutional cells, on images [B, C, H, W].

Convolutions are ReLU, convolution, batch norm, in this order. At stride 2 every operation halves H and W, rounded up.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nni_nasplus.networks.costs.parts import named

__all__ = ["DropPath", "FactorizedReduce", "Zero", "operation", "relu_conv_bn"]


def relu_conv_bn(n_in: int, n_out: int, kernel: int, stride: int = 1, *, affine: bool = True) -> nn.Sequential:
    """ReLU, convolution without bias, batch norm."""
    conv = nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(n_out, affine=affine))


class FactorizedReduce(nn.Module):
    """ReLU, two 1×1 convolutions of stride 2, the second shifted by a pixel, side by side, batch norm.

    The edge of an odd image is padded by zeros, so that both see as many pixels.
    """

    def __init__(self, n_in: int, n_out: int, *, affine: bool = True) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.even = nn.Conv2d(n_in, n_out // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(n_in, n_out - n_out // 2, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(n_out, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[..., 1:, 1:]
        return self.norm(torch.cat([self.even(x), self.odd(shifted)], 1))


class Zero(nn.Module):
    """Zeros of the output's size, tied to the input."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[..., :: self.stride, :: self.stride] * 0.0


class DropPath(nn.Module):
    """Drops an example's whole path with a probability in training, and scales up what it keeps (arXiv 1605.07648).

    Parameters
    ----------
    maximum
        The probability at the end of training, and until :meth:`ramp` is called; in [0, 1).
    """

    def __init__(self, maximum: float) -> None:
        super().__init__()
        self.maximum = self.probability = maximum

    def ramp(self, progress: float) -> None:
        """Set the probability to a fraction of the maximum."""
        self.probability = self.maximum * progress

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.probability:
            return x
        keep = 1 - self.probability
        return x * x.new_empty(len(x), 1, 1, 1).bernoulli_(keep) / keep


def operation(
    name: str, channels: int, stride: int, *, affine: bool = True, normalised_pools: bool = False
) -> nn.Module:
    """An operation that keeps the channels.

    Parameters
    ----------
    affine
        Whether batch norms have weights.
    normalised_pools
        Whether a batch norm without weights follows each pooling, as in the supernet of DARTS.
    """
    module = _MAKERS[name](channels, stride, affine)
    if normalised_pools and "pool" in name:
        module = nn.Sequential(module, nn.BatchNorm2d(channels, affine=False))
    return named(module, name)


def _separable(kernel: int) -> Callable[[int, int, bool], nn.Module]:
    def make(channels: int, stride: int, affine: bool) -> nn.Module:
        halves = (_depthwise(channels, kernel, step, 1, affine) for step in (stride, 1))
        return nn.Sequential(*(layer for half in halves for layer in half))

    return make


def _dilated(kernel: int) -> Callable[[int, int, bool], nn.Module]:
    return lambda channels, stride, affine: nn.Sequential(*_depthwise(channels, kernel, stride, 2, affine))


def _depthwise(channels: int, kernel: int, stride: int, dilation: int, affine: bool) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=affine),
    ]


def _rectangular(channels: int, stride: int, affine: bool) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, (1, 7), (1, stride), (0, 3), bias=False),
        nn.Conv2d(channels, channels, (7, 1), (stride, 1), (3, 0), bias=False),
        nn.BatchNorm2d(channels, affine=affine),
    )


def _skip(channels: int, stride: int, affine: bool) -> nn.Module:
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, affine=affine)


_MAKERS: dict[str, Callable[[int, int, bool], nn.Module]] = {
    "none": lambda _, stride, __: Zero(stride),
    "max_pool_3x3": lambda _, stride, __: nn.MaxPool2d(3, stride, 1),
    "avg_pool_3x3": lambda _, stride, __: nn.AvgPool2d(3, stride, 1, count_include_pad=False),
    "skip_connect": _skip,
    "sep_conv_3x3": _separable(3),
    "sep_conv_5x5": _separable(5),
    "sep_conv_7x7": _separable(7),
    "dil_conv_3x3": _dilated(3),
    "dil_conv_5x5": _dilated(5),
    "conv_7x1_1x7": _rectangular,
    "nor_conv_1x1": lambda channels, stride, affine: relu_conv_bn(channels, channels, 1, stride, affine=affine),
    "nor_conv_3x3": lambda channels, stride, affine: relu_conv_bn(channels, channels, 3, stride, affine=affine),
}
