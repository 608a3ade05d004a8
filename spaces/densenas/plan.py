"""What all networks of DenseNAS have in common, and its decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, Choice, SearchSpace
from nni_nasplus.spaces.densenas.connections import (
    ALONE,
    BLOCKS,
    CONNECTIONS,
    END,
    LATER,
    STAGES,
    chosen,
    route_of,
    stage_of,
)
from nni_nasplus.spaces.mobile.genotype import Block, MobileGenotype, Operation
from nni_nasplus.spaces.mobile.plan import OPERATIONS as MOBILE

__all__ = ["OPERATIONS", "DenseMacro", "Passed", "architecture_of", "decisions", "genotype_of", "passed"]

OPERATIONS = tuple(name for name in MOBILE if not Operation.parse(name).squeeze)
"""Those of MobileNetV2's kind with kernels of 3, 5 and 7 and expansions of 3 and 6."""
_CHANNELS = 32
"""Of MobileNetV2's stem, so that equal numbers mean equal sizes in the space mobile; DenseNAS' own has half of them."""
_HEAD = 1984
_STRIDES = {"imagenet": (1, 2, 2, 2, 1, 2, 1, 1), "cifar": (1, 1, 2, 2, 1, 2, 1, 1)}
"""By which a block that begins a stage divides the size of images; those of the others are 1."""
_BARE = len(STAGES) - 1
"""The stage whose blocks have but their first layer."""

Passed = tuple[int, list[str]]
"""A block that a route passes, and the operations of its layers, of which the first one changes the width."""


@dataclass(frozen=True)
class DenseMacro:
    """The sizes of networks of DenseNAS; see :class:`~nni_nasplus.spaces.densenas.DenseNasSpace`.

    Parameters
    ----------
    channels
        To which all widths are in proportion, 32 as published; the stem has half of them.
    depth
        The most layers of a block after its first one.
    stem
        ``"imagenet"`` divides the size of the images by 32 in all, ``"cifar"`` by 8.

    Raises
    ------
    UserError
        If a size is too small.
    """

    channels: int = _CHANNELS
    depth: int = 3
    classes: int = 10
    in_channels: int = 3
    stem: Literal["cifar", "imagenet"] = "cifar"

    def __post_init__(self) -> None:
        if self.stem not in _STRIDES:
            raise UserError(f"stem is '{self.stem}'; choose cifar or imagenet")
        for name, least in {"channels": 4, "depth": 1, "classes": 1, "in_channels": 1}.items():
            if getattr(self, name) < least:
                raise UserError(f"{name} is {getattr(self, name)}; use {least} or more")

    @property
    def stem_stride(self) -> int:
        """Of the first convolution."""
        return 2 if self.stem == "imagenet" else 1

    @property
    def first(self) -> Block:
        """Block 0, which is not searched."""
        return Block(Operation(3, None), self.width(0))

    def width(self, block: int) -> int:
        """The channels of a block, or of the last convolution."""
        widths = [width for stage in STAGES for width in stage]
        return round((_HEAD if block == END else widths[block]) * self.channels / _CHANNELS)

    def named(self, block: int) -> str:
        """A block in words."""
        return "the last convolution" if block == END else f"the block of {self.width(block)} channels"

    def stride(self, source: int, target: int) -> int:
        """Of a connection."""
        begins = stage_of(source) != stage_of(target)
        return _STRIDES[self.stem][stage_of(target)] if begins else 1

    def layers(self, stage: int) -> int:
        """The most layers of a block after its first one."""
        return 0 if stage in (0, _BARE) else self.depth


def _blocks(stage: int) -> str:
    return f"blocks_{stage}"


def _later(stage: int) -> str:
    return f"later_{stage}"


def _name(kind: str, stage: int, place: int, layer: int | None = None) -> str:
    """The name of a decision on the block that is passed as the place-th of its stage, from 1."""
    return f"{kind}_{stage}_{place}" + (f"_{layer}" if layer else "")


def decisions(macro: DenseMacro) -> SearchSpace:
    """Which blocks of each stage are passed, and of each the operations of its layers."""
    choices: dict[str, Sequence[Choice]] = {}
    conditions: dict[str, dict[str, list[Choice]]] = {}
    for stage, widths in enumerate(STAGES[1:], 1):
        if len(widths) > 1:
            choices |= {_blocks(stage): list(BLOCKS), _later(stage): ["second", "third"]}
            conditions[_later(stage)] = {_blocks(stage): [LATER]}
            if len(STAGES[stage - 1]) > 1:
                conditions[_later(stage)][_blocks(stage - 1)] = [name for name in BLOCKS if name != ALONE]
        for place in range(1, len(widths) + 1):
            passing: list[Choice] = [name for name, count in BLOCKS.items() if count >= place]
            there = {_blocks(stage): passing} if place > 1 else {}
            _add_block(choices, conditions, stage, place, macro.layers(stage), there)
    return SearchSpace(choices, conditions)


def _add_block(
    choices: dict[str, Sequence[Choice]],
    conditions: dict[str, dict[str, list[Choice]]],
    stage: int,
    place: int,
    most: int,
    there: dict[str, list[Choice]],
) -> None:
    """The decisions on a block that is there under conditions."""
    head, layers = _name("head", stage, place), _name("layers", stage, place)
    choices[head], conditions[head] = OPERATIONS, {**there}
    if most:
        choices[layers], conditions[layers] = range(most + 1), {**there}
    for layer in range(1, most + 1):
        name = _name("layer", stage, place, layer)
        choices[name], conditions[name] = OPERATIONS, {**there, layers: list(range(layer, most + 1))}


def passed(architecture: Mapping[str, Any]) -> list[Passed]:
    """The blocks that are searched and that the route of an architecture passes."""
    stages = range(2, len(STAGES))
    route = route_of([(architecture[_blocks(stage)], architecture.get(_later(stage))) for stage in stages])
    found: list[Passed] = []
    for block in route[1:-1]:
        stage = stage_of(block)
        place = 1 + sum(stage_of(other) == stage for other, _ in found)
        count = architecture.get(_name("layers", stage, place), 0)
        names = [_name("head", stage, place), *(_name("layer", stage, place, n) for n in range(1, count + 1))]
        found.append((block, [architecture[name] for name in names]))
    return found


def architecture_of(blocks: Sequence[Passed], macro: DenseMacro) -> Architecture:
    """The decisions of a route; UserError where blocks are not connected, or have too many layers."""
    route = [0, *(block for block, _ in blocks), END]
    for source, target in pairwise(route):
        if (source, target) not in CONNECTIONS:
            after, before = macro.named(target), macro.named(source)
            raise UserError(f"{after} cannot follow {before}; use one of the next four, and of the next stage")
    subsets = dict(enumerate(chosen(route), 2))
    found: Architecture = {}
    for stage in range(1, len(STAGES)):
        subset, single = subsets.get(stage, (None, None))
        found |= {_blocks(stage): subset} if subset else {}
        found |= {_later(stage): single} if single else {}
        here = [(block, names) for block, names in blocks if stage_of(block) == stage]
        for place, (block, names) in enumerate(here, 1):
            found |= _block(block, names, stage, place, macro)
    return found


def _block(block: int, names: Sequence[str], stage: int, place: int, macro: DenseMacro) -> Architecture:
    head, *layers = names
    most = macro.layers(stage)
    if len(layers) > most:
        raise UserError(f"{macro.named(block)} has {len(names)} layers; use 1 to {1 + most}")
    count = {_name("layers", stage, place): len(layers)} if most else {}
    further = {_name("layer", stage, place, n): name for n, name in enumerate(layers, 1)}
    return {_name("head", stage, place): head, **count, **further}


def genotype_of(architecture: Mapping[str, Any], macro: DenseMacro) -> MobileGenotype:
    """The whole network of an architecture."""
    blocks, before = [macro.first], 0
    for block, (head, *layers) in passed(architecture):
        blocks.append(Block(Operation.parse(head), macro.width(block), macro.stride(before, block)))
        blocks += [Block(Operation.parse(name), macro.width(block)) for name in layers]
        before = block
    return MobileGenotype(macro.width(0), tuple(blocks), macro.width(END))
