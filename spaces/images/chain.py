"""The network around the cells of NAS-Bench-201 (arXiv 2001.00326): a stem, stages of cells, a classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.parts import named
from nni_nasplus.spaces.images.operations import relu_conv_bn

__all__ = ["CellChain", "ChainMacro"]


@dataclass(frozen=True)
class ChainMacro:
    """The sizes of a chain of cells.

    Parameters
    ----------
    channels
        Of the first stage; doubled by each next one.
    cells
        In each stage.
    stages
        With a residual block of stride 2 between them.
    stem
        Whether a convolution comes before the cells; without it ``in_channels`` must be ``channels``.

    Raises
    ------
    UserError
        If a size is too small, or the images do not fit the cells.
    """

    channels: int = 16
    cells: int = 5
    classes: int = 10
    in_channels: int = 3
    stages: int = 3
    stem: bool = True

    def __post_init__(self) -> None:
        for name in ("channels", "cells", "classes", "in_channels", "stages"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; use 1 or more")
        if not self.stem and self.in_channels != self.channels:
            raise UserError(f"in_channels is {self.in_channels}; without a stem it must be channels, {self.channels}")


class CellChain(nn.Module):
    """Images [B, in_channels, H, W] → logits [B, classes].

    Parameters
    ----------
    make_cell
        A cell for a number of channels.
    """

    def __init__(self, macro: ChainMacro, make_cell: Callable[[int], nn.Module]) -> None:
        super().__init__()
        width = macro.channels
        conv = nn.Conv2d(macro.in_channels, width, 3, padding=1, bias=False)
        self.stem = named(nn.Sequential(conv, nn.BatchNorm2d(width)), "conv_3x3") if macro.stem else nn.Identity()
        self.blocks = nn.ModuleList()
        for stage in range(macro.stages):
            if stage:
                self.blocks.append(named(_Residual(width), "residual"))
                width *= 2
            self.blocks.extend(make_cell(width) for _ in range(macro.cells))
        self.last = named(nn.Sequential(nn.BatchNorm2d(width), nn.ReLU()), "batch_norm")
        self.classifier = named(nn.Linear(width, macro.classes), "linear")

    def forward(self, images: Tensor, run: Callable[[nn.Module, Tensor], Tensor] | None = None) -> Tensor:
        """Logits [B, classes].

        Parameters
        ----------
        run
            Called with a cell and its input in place of calling the cell.
        """
        x = self.stem(images)
        for block in self.blocks:
            x = block(x) if run is None or isinstance(block, _Residual) else run(block, x)
        return self.classifier(self.last(x).mean((2, 3)))


class _Residual(nn.Module):
    """Two 3×3 convolutions that halve the image and double its channels, beside an average-pooled shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.path = nn.Sequential(relu_conv_bn(width, 2 * width, 3, 2), relu_conv_bn(2 * width, 2 * width, 3))
        self.pool = nn.AvgPool2d(2, ceil_mode=True)
        self.shortcut = nn.Conv2d(width, 2 * width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(self.path(x), self.shortcut(self.pool(x)))
