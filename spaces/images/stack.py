"""The network around the cells of DARTS: stem, cells of two kinds, auxiliary head, classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.parts import named
from nni_nasplus.spaces.images.operations import DropPath, FactorizedReduce, relu_conv_bn

__all__ = ["CellPlan", "CellStack", "Macro", "Preprocess", "Stem"]

Stem = Literal["cifar", "imagenet", "none"]
_NARROW = "nor_conv_1x1"
"""As in the tables of latencies: the operation of NAS-Bench-201, which is the same."""


@dataclass(frozen=True)
class Macro:
    """The sizes of a stack of cells; see :class:`~nni_nasplus.spaces.images.DartsSpace`.

    Parameters
    ----------
    stem
        ``"none"`` gives the images to the first cell as they are.
    stem_multiplier
        The channels of the CIFAR stem in multiples of ``channels``.
    reductions
        The layers with reduce cells; where None, those at a third and two thirds of the depth.

    Raises
    ------
    UserError
        If a size is too small.
    """

    channels: int = 36
    layers: int = 20
    classes: int = 10
    stem: Stem = "cifar"
    in_channels: int = 3
    stem_multiplier: int = 3
    reductions: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.stem not in ("cifar", "imagenet", "none"):
            raise UserError(f"stem is '{self.stem}'; choose one of cifar, imagenet, none")
        for name in ("channels", "layers", "classes", "in_channels", "stem_multiplier"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; use 1 or more")
        if self.stem == "imagenet" and self.channels < 2:
            raise UserError("channels is 1; the ImageNet stem needs 2 or more")

    def kind(self, layer: int) -> str:
        """``normal`` or ``reduce``."""
        thirds = (self.layers // 3, 2 * self.layers // 3)
        return "reduce" if layer in (thirds if self.reductions is None else self.reductions) else "normal"


class CellPlan(NamedTuple):
    """What a cell is made for."""

    kind: str
    channels: int
    """Of each node."""
    inputs: tuple[int, int]
    """Channels of the outputs of the two cells before."""
    halved: bool
    """Whether the last cell halved the images, so that the output before it is twice as large."""


class Preprocess(nn.Module):
    """Brings the outputs of the two cells before to the same channels and size."""

    def __init__(self, plan: CellPlan, *, affine: bool = True) -> None:
        super().__init__()
        before, last = plan.inputs
        self.before: nn.Module
        if plan.halved:
            self.before = named(FactorizedReduce(before, plan.channels, affine=affine), "skip_connect")
        else:
            self.before = named(relu_conv_bn(before, plan.channels, 1, affine=affine), _NARROW)
        self.last = named(relu_conv_bn(last, plan.channels, 1, affine=affine), _NARROW)

    def forward(self, before: Tensor, last: Tensor) -> list[Tensor]:
        """States 0 and 1."""
        return [self.before(before), self.last(last)]


class CellStack(nn.Module):
    """Images [B, in_channels, H, W] → logits [B, classes].

    Parameters
    ----------
    make_cell
        A cell for a plan: maps the outputs of the two cells before to its own, of ``out_channels``.
    auxiliary
        Whether a second classifier hangs on the cell at two thirds: in training the output is then a pair of logits.
    """

    def __init__(self, macro: Macro, make_cell: Callable[[CellPlan], nn.Module], *, auxiliary: bool = False) -> None:
        super().__init__()
        self.stem, before, last, halved = _stem(macro)
        self.cells = nn.ModuleList()
        channels = macro.channels
        for layer in range(macro.layers):
            kind = macro.kind(layer)
            channels *= 2 if kind == "reduce" else 1
            cell = make_cell(CellPlan(kind, channels, (before, last), halved))
            self.cells.append(cell)
            before, last, halved = last, int(cell.out_channels), kind == "reduce"  # type: ignore[arg-type]
        self.side = 2 * macro.layers // 3
        self.auxiliary = _Auxiliary(self.cells[self.side].out_channels, macro) if auxiliary else None  # type: ignore[arg-type]
        self.classifier = named(nn.Linear(last, macro.classes), "linear")

    def forward(self, images: Tensor, run: Callable[..., Tensor] | None = None) -> Any:
        """Logits [B, classes], a pair of them with an auxiliary head in training.

        Parameters
        ----------
        run
            Called with a cell and its two inputs in place of calling the cell.
        """
        before, last = self.stem(images)
        side = None
        for layer, cell in enumerate(self.cells):
            before, last = last, cell(before, last) if run is None else run(cell, before, last)
            if layer == self.side and self.auxiliary is not None and self.training:
                side = self.auxiliary(last)
        logits = self.classifier(last.mean((2, 3)))
        return logits if side is None else (logits, side)

    def ramp_drop_path(self, progress: float) -> None:
        """Set the probability of dropping a path to a fraction of what it is at the end."""
        for module in self.modules():
            if isinstance(module, DropPath):
                module.ramp(progress)


class _Twice(nn.Sequential):
    """One stem for both inputs of the first cell."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = super().forward(images)
        return x, x


class _ImageNetStem(nn.Module):
    """Three convolutions of stride 2; the first cell takes the outputs of the second and of the third."""

    def __init__(self, n_in: int, channels: int) -> None:
        super().__init__()
        self.first = nn.Sequential(*_conv_bn(n_in, channels // 2, 2), nn.ReLU(), *_conv_bn(channels // 2, channels, 2))
        self.second = nn.Sequential(nn.ReLU(), *_conv_bn(channels, channels, 2))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        before = self.first(images)
        return before, self.second(before)


def _stem(macro: Macro) -> tuple[nn.Module, int, int, bool]:
    """The stem, the channels of its two outputs, and whether the first is twice as large as the second."""
    if macro.stem == "imagenet":
        return _ImageNetStem(macro.in_channels, macro.channels), macro.channels, macro.channels, True
    if macro.stem == "none":
        return _Twice(), macro.in_channels, macro.in_channels, False
    width = macro.stem_multiplier * macro.channels
    return _Twice(*_conv_bn(macro.in_channels, width)), width, width, False


def _conv_bn(n_in: int, n_out: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    convolution = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
    return named(convolution, "conv_3x3"), named(nn.BatchNorm2d(n_out), "batch_norm")


class _Auxiliary(nn.Module):
    """The second classifier, made for 8×8 states after the CIFAR stem and 7×7 after that of ImageNet.

    Smaller states are pooled over smaller windows; of larger ones the average remains. As in the published networks,
    there is no second batch norm after the ImageNet stem.
    """

    def __init__(self, n_in: int, macro: Macro) -> None:
        super().__init__()
        self.stride = 2 if macro.stem == "imagenet" else 3
        self.narrow = nn.Sequential(nn.Conv2d(n_in, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU())
        norm = nn.Identity() if macro.stem == "imagenet" else nn.BatchNorm2d(768)
        self.wide = nn.Sequential(nn.Conv2d(128, 768, 2, bias=False), norm, nn.ReLU())
        self.classifier = nn.Linear(768, macro.classes)

    def forward(self, x: Tensor) -> Tensor:
        window = min(5, min(x.shape[-2:]) - self.stride)
        pooled = nn.functional.avg_pool2d(torch.relu(x), window, self.stride)
        return self.classifier(self.wide(self.narrow(pooled)).mean((2, 3)))
