"""How all networks of the mobile space share their weights, and which of them have all weights together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from nni_nasplus.networks.weight_bank import Place, Shared
from nni_nasplus.search.space import Architecture, Choice, SearchSpace
from nni_nasplus.spaces.mobile.block import InvertedResidual
from nni_nasplus.spaces.mobile.genotype import Operation

__all__ = ["covering", "sharing"]

_SPATIAL = 2
"""The last axes of a convolution: a small kernel is the middle of a large one (BigNAS, arXiv 2003.11142)."""


def sharing(network: nn.Module) -> Iterator[Shared]:
    """Where the weights of a network are among those shared.

    Channels are corners, and kernels the middle; blocks are told apart by their places, and their layers by what they
    do, with or without squeeze-excite. Means and variances of batch norms are a network's own.
    """
    return _shared(network, "")


def _shared(module: nn.Module, path: str) -> Iterator[Shared]:
    for leaf, weight in module._parameters.items():
        if weight is not None:
            centred = _SPATIAL if isinstance(module, nn.Conv2d) and leaf == "weight" else 0
            yield Shared(module, leaf, Place(f"{path}{leaf}", tuple(weight.shape), centred))
    for name, child in _children(module):
        yield from _shared(child, f"{path}{name}.")


def _children(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Those of a module, by names that are the same in all networks."""
    if isinstance(module, InvertedResidual):
        yield from module.layers.items()
        return
    for name, child in module.named_children():
        yield (f"block {child.place}" if isinstance(child, InvertedResidual) else name), child


def covering(space: SearchSpace) -> Iterator[Architecture]:
    """Architectures whose networks together have all weights of a space: at each width the largest."""
    for width in space.decisions.get("width", [0]):
        chosen = {name: _largest(name, choices) for name, choices in space.decisions.items()}
        yield space.validate({**chosen, **({"width": width} if "width" in chosen else {})})


def _largest(name: str, choices: Sequence[Choice]) -> Any:
    if name.startswith("op_"):
        return max(choices, key=lambda choice: _size(str(choice)))
    return max(choices)  # type: ignore[type-var]  # those of a decision are alike


def _size(operation: str) -> tuple[bool, int, int]:
    parsed = Operation.parse(operation)
    return parsed.squeeze, parsed.expansion or 1, parsed.kernel
