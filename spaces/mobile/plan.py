"""What all networks of the mobile space have in common, and its decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, NamedTuple

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, Choice, SearchSpace
from nni_nasplus.spaces.mobile.genotype import Block, MobileGenotype, Operation

__all__ = ["OPERATIONS", "Layer", "MobileMacro", "architecture_of", "decisions", "depth", "genotype_of", "operation"]

_KERNELS, _EXPANSIONS = (3, 5, 7), (3, 6)
OPERATIONS = tuple(
    str(Operation(kernel, expansion, squeeze))
    for squeeze, expansion, kernel in product((False, True), _EXPANSIONS, _KERNELS)
)
"""ProxylessNAS' six (arXiv 1812.00332), then the same with squeeze-excite, as in MnasNet (arXiv 1807.11626)."""
_CHANNELS = 32
"""Of the stem as published, to which the other widths are in proportion."""
_FIRST, _HEAD = 16, 1280
_STAGES = ((32, 2), (40, 2), (80, 2), (96, 1), (192, 2), (320, 1))
"""Channels, and the stride of the first block: those of ProxylessNAS' network for mobile phones."""
_DIVISOR = 8
"""Channels are its multiples, as in MobileNetV2, because hardware likes them."""
_LEAST_KEPT = 0.9
"""Rounding to multiples never takes more than a tenth of the channels (MobileNetV2, code)."""
LARGE = 64
"""Images of so many pixels on a side have the stem of ImageNet where nothing is said."""


class Layer(NamedTuple):
    """A place for a block, whose operation is searched."""

    stage: int
    """From 1."""
    number: int
    """In the stage, from 1."""
    n_in: int
    n_out: int
    stride: int

    @property
    def may_skip(self) -> bool:
        """Whether a network can do without a block here: the first of a stage changes the channels."""
        return self.number > 1


@dataclass(frozen=True)
class MobileMacro:
    """The sizes of networks of inverted residual blocks; see :class:`~nni_nasplus.spaces.mobile.MobileSpace`.

    Parameters
    ----------
    channels
        Of the stem; all others are in proportion.
    depth
        The most blocks of a stage; the last stage has one.
    width
        What the channels are multiplied by, those of the head only where it is more than 1 (MobileNetV2).
    stem
        ``"imagenet"`` divides the size of the images by 32 in all, ``"cifar"`` by 8.

    Raises
    ------
    UserError
        If a size is too small.
    """

    channels: int = 32
    depth: int = 4
    width: float = 1.0
    classes: int = 10
    in_channels: int = 3
    stem: Literal["cifar", "imagenet"] = "cifar"

    def __post_init__(self) -> None:
        if self.stem not in ("cifar", "imagenet"):
            raise UserError(f"stem is '{self.stem}'; choose cifar or imagenet")
        for name in ("channels", "depth", "classes", "in_channels"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; use 1 or more")
        if not 0 < self.width < float("inf"):
            raise UserError(f"width is {self.width}; use more than 0, such as 0.75")

    @property
    def first(self) -> Block:
        """The block before the stages, which is not searched."""
        return Block(Operation(3, None), self._scaled(_FIRST))

    @property
    def stem_channels(self) -> int:
        """Of the first convolution."""
        return self._scaled(_CHANNELS)

    @property
    def stem_stride(self) -> int:
        """Of the first convolution."""
        return 2 if self.stem == "imagenet" else 1

    @property
    def head(self) -> int:
        """The channels of the last convolution."""
        return _divisible(_HEAD * self.channels / _CHANNELS * max(1.0, self.width))

    @property
    def depths(self) -> list[int]:
        """The most blocks of each stage."""
        return [self.depth] * (len(_STAGES) - 1) + [1]

    @property
    def places(self) -> list[Layer]:
        """All places for blocks, in order."""
        places, n_in = [], self.first.channels
        for stage, ((channels, stride), depth) in enumerate(zip(_STAGES, self.depths, strict=True), 1):
            n_out = self._scaled(channels)
            begins = 1 if self.stem == "cifar" and stage == 1 else stride
            for number in range(1, depth + 1):
                places.append(Layer(stage, number, n_in, n_out, begins if number == 1 else 1))
                n_in = n_out
        return places

    def _scaled(self, channels: int) -> int:
        return _divisible(channels * self.width * self.channels / _CHANNELS)


def _divisible(channels: float) -> int:
    near = max(_DIVISOR, int(channels + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return near if near >= _LEAST_KEPT * channels else near + _DIVISOR


def depth(stage: int) -> str:
    """The name of the decision how many blocks a stage has."""
    return f"depth_{stage}"


def operation(layer: Layer) -> str:
    """The name of the decision on a block's operation."""
    return f"op_{layer.stage}_{layer.number}"


def decisions(macro: MobileMacro, operations: Sequence[str]) -> SearchSpace:
    """How many blocks each stage has, and the operation of each of them."""
    choices: dict[str, Sequence[Choice]] = {}
    conditions: dict[str, dict[str, list[Choice]]] = {}
    for layer in macro.places:
        most = macro.depths[layer.stage - 1]
        if most > 1:
            choices[depth(layer.stage)] = range(1, most + 1)
        choices[operation(layer)] = operations
        if layer.may_skip:
            conditions[operation(layer)] = {depth(layer.stage): list(range(layer.number, most + 1))}
    return SearchSpace(choices, conditions)


def genotype_of(architecture: Mapping[str, Any], macro: MobileMacro) -> MobileGenotype:
    """The whole network of an architecture."""
    blocks = [
        Block(Operation.parse(architecture[operation(layer)]), layer.n_out, layer.stride)
        for layer in macro.places
        if operation(layer) in architecture
    ]
    return MobileGenotype(macro.stem_channels, (macro.first, *blocks), macro.head)


def architecture_of(stages: Sequence[Sequence[str]], macro: MobileMacro) -> Architecture:
    """The decisions of the operations of each stage; UserError where a stage has too many or too few."""
    if len(stages) != len(macro.depths):
        raise UserError(f"there are {len(stages)} stages; the space has {len(macro.depths)}")
    for stage, (names, most) in enumerate(zip(stages, macro.depths, strict=True), 1):
        if not 1 <= len(names) <= most:
            raise UserError(f"stage {stage} has {len(names)} blocks; use 1 to {most}")
    found: Architecture = {}
    for stage, (names, most) in enumerate(zip(stages, macro.depths, strict=True), 1):
        found |= {depth(stage): len(names)} if most > 1 else {}
        found |= {f"op_{stage}_{number}": name for number, name in enumerate(names, 1)}
    return found
