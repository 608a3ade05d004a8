"""How all networks of the event-sequence space share their weights, and which of them have all weights together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from torch import nn

from nni_nasplus.networks.weight_bank import Place, Shared
from nni_nasplus.search.space import Architecture, Choice, SearchSpace
from nni_nasplus.spaces.events.blocks import Attention
from nni_nasplus.spaces.events.decisions import OPS
from nni_nasplus.spaces.events.encoder import CellRecurrence, SplitOps
from nni_nasplus.spaces.events.stem import NumericStem
from nni_nasplus.spaces.events.temporal import TemporalEncoding

__all__ = ["covering", "sharing"]

Axes = dict[str, tuple[int, ...]]
_GATES = 3
"""Of a GRU, whose rows follow each other in its weights; queries, keys and values of attention, as well."""
_CELL = " of size"
_APART = ("stem_kernel", "pooling", "clock")
"""Decisions whose choices have weights of their own; there are fewer choices of each than ops."""


def sharing(network: nn.Module) -> Iterator[Shared]:
    """Where the weights of a network are among those shared.

    Widths, heads and their channels are corners. Apart are the ops of an encoder layer, whose parts see other channels;
    the kernels of the stem; the clocks, which tell other features; and cells in the GRU's place, by their sizes.
    """
    return _shared(network, "", "", {})


def _shared(module: nn.Module, path: str, apart: str, groups: Axes) -> Iterator[Shared]:
    """Of a module at a path, whose weights are told apart by a text, and have groups of rows by name."""
    apart, groups = apart + _apart(module), {**groups, **_grouped(module)}
    for leaf, weight in {**module._parameters, **module._buffers}.items():
        if weight is not None:
            axes = groups.get(leaf, tuple(weight.shape))
            sizes = f" {axes}" if apart.endswith(_CELL) else ""
            yield Shared(module, leaf, Place(f"{path}{leaf}{apart}{sizes}", axes))
    for name, child in module.named_children():
        inner = {leaf.removeprefix(f"{name}."): axes for leaf, axes in groups.items() if leaf.startswith(f"{name}.")}
        yield from _shared(child, f"{path}{name}.", apart, inner)


def _grouped(module: nn.Module) -> Axes:
    """The shapes of weights with their groups of rows, or columns, as axes."""
    if isinstance(module, Attention):
        (heads, hidden), width = module.heads, module.out.out_features
        norm = {f"norm.{name}": (heads, hidden) for name in ("weight", "bias")}
        return {"qkv.weight": (_GATES, heads, hidden, width), **norm, "out.weight": (width, heads, hidden)}
    if isinstance(module, nn.GRU):
        weights = {f"weight_{side}_l0": (_GATES, module.hidden_size, module.hidden_size) for side in ("ih", "hh")}
        return {**weights, **{f"bias_{side}_l0": (_GATES, module.hidden_size) for side in ("ih", "hh")}}
    return {}


def _apart(module: nn.Module) -> str:
    """What tells the weights of a module from those of others at its place."""
    if isinstance(module, SplitOps):
        return f" of {module.kind}"
    if isinstance(module, NumericStem):
        return f" of kernel {module.conv.kernel_size[0]}"
    if isinstance(module, TemporalEncoding):
        return f" of {module.project.in_features} features"
    return _CELL if isinstance(module, CellRecurrence) else ""


def covering(space: SearchSpace) -> Iterator[Architecture]:
    """Architectures whose networks together have all weights of a space, each place at its largest in one of them.

    In turn they have each op in all layers, each cell with each op, and each choice of what else has weights of its
    own, in every width; of all else, such as layers and heads, they have the most.

    Parameters
    ----------
    space
        Of event sequences, perhaps with choices that are held.
    """
    cells = max((len(choices) for name, choices in space.decisions.items() if name.endswith("_cell")), default=1)
    for width, turn in product(space.decisions.get("width", [0]), range(len(OPS) * cells)):
        chosen = {name: _taken(name, choices, turn) for name, choices in space.decisions.items()}
        yield space.validate({**chosen, **({"width": width} if "width" in chosen else {})})


def _taken(name: str, choices: Sequence[Choice], turn: int) -> Choice:
    if name.endswith("_cell"):
        return choices[turn // len(OPS) % len(choices)]
    if name.endswith("_op") or name in _APART:
        return choices[turn % len(choices)]
    return max(choices)  # type: ignore[type-var]  # those of a decision are alike
