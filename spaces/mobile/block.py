"""The inverted residual block (MobileNetV2, arXiv 1801.04381) with its kernels, expansions and squeeze-excite."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nni_nasplus.networks.costs.parts import named
from nni_nasplus.spaces.mobile.genotype import Operation

__all__ = ["InvertedResidual", "conv_bn"]

_SQUEEZED = 4
"""The channels of the input for each one in the middle of squeeze-excite (MnasNet, arXiv 1807.11626)."""


def conv_bn(
    n_in: int, n_out: int, kernel: int, stride: int = 1, *, groups: int = 1, relu: bool = True, affine: bool = True
) -> nn.Sequential:
    """A convolution that keeps the size of the image at stride 1, batch norm, and a ReLU where it is asked for."""
    convolution = nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    layers = [convolution, nn.BatchNorm2d(n_out, affine=affine), *([nn.ReLU()] if relu else [])]
    return nn.Sequential(*layers)


class _SqueezeExcite(nn.Module):
    """x times a sigmoid for each channel, of what all channels are in the mean (arXiv 1709.01507)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.expand(self.relu(self.reduce(x.mean((2, 3), keepdim=True)))).sigmoid()


class InvertedResidual(nn.Module):
    """Images [B, n_in, H, W] → [B, n_out, H / stride, W / stride]: 1×1 convolution, depthwise one, 1×1 convolution.

    The input is added where the output has its shape. Activations are ReLUs, as in MnasNet and FBNet; MobileNetV2 and
    ProxylessNAS have ReLU6, which is equal below 6.

    Parameters
    ----------
    operation
        Kernel, expansion and squeeze-excite.
    affine
        Whether batch norms have weights.

    Attributes
    ----------
    place
        What tells the block from others of a network of the space, which names it: stage and number.
    """

    place: str = ""

    def __init__(self, operation: Operation, n_in: int, n_out: int, stride: int, *, affine: bool = True) -> None:
        super().__init__()
        inner = n_in * (operation.expansion or 1)
        expand = [] if operation.expansion is None else [conv_bn(n_in, inner, 1, affine=affine)]
        squeeze = [_SqueezeExcite(inner, max(1, n_in // _SQUEEZED))] if operation.squeeze else []
        self.path = nn.Sequential(
            *expand,
            conv_bn(inner, inner, operation.kernel, stride, groups=inner, affine=affine),
            *squeeze,
            conv_bn(inner, n_out, 1, relu=False, affine=affine),
        )
        named(self, str(operation))
        self.is_residual = stride == 1 and n_in == n_out
        names = ["expand"] * len(expand) + ["depthwise"] + ["squeeze"] * len(squeeze) + ["project"]
        self._roles = dict(zip(names, range(len(names)), strict=True))

    @property
    def layers(self) -> dict[str, nn.Module]:
        """What it is made of, by what each does: ``expand``, ``depthwise``, ``squeeze``, ``project``."""
        return {name: self.path[place] for name, place in self._roles.items()}

    @property
    def last_norm(self) -> nn.Module | None:
        """The norm at the end of the branch beside which the input is added; None where it is not."""
        return self.path[-1][1] if self.is_residual else None  # type: ignore[index]  # of a Sequential

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        return torch.add(x, self.path(x)) if self.is_residual else self.path(x)
