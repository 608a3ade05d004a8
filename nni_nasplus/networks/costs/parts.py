"""The parts that a network's latency is the sum of: modules that say which operation they are, in the order of use."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["Part", "name_of", "named", "part_of", "parts_of"]

_NAME = "measured_as"
Module = TypeVar("Module", bound=nn.Module)


class Part(NamedTuple):
    """An operation on images of one shape: what a row of a latency table is about. Without an image, sides are 1."""

    operation: str
    channels_in: int
    height_in: int
    width_in: int
    channels_out: int
    height_out: int
    width_out: int

    def __str__(self) -> str:
        before, after = self[1:4], self[4:]
        return f"{self.operation} of {'×'.join(map(str, before))} to {'×'.join(map(str, after))}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example that it takes."""
        return 1, self.channels_in, self.height_in, self.width_in


def named(module: Module, operation: str) -> Module:
    """The module, which is measured as a part of this name from now on, whatever it consists of."""
    setattr(module, _NAME, operation)
    return module


def name_of(module: nn.Module) -> str | None:
    """The name that a module is measured by, if it has one."""
    return getattr(module, _NAME, None)


def part_of(operation: str, given: Tensor, result: Tensor) -> Part:
    """The part that makes of some images, or vectors, others."""
    return Part(operation, *_sides(given), *_sides(result))


def parts_of(network: nn.Module, example: Any) -> list[tuple[Part, nn.Module]]:
    """The outermost named modules of a network as often as one forward pass calls them; none where none is named.

    The network is left in evaluation mode or not, as it was.
    """
    found: list[tuple[Part, nn.Module]] = []
    hooks = [module.register_forward_hook(_noted(found)) for module in _outermost(network)]
    training = network.training
    try:
        with torch.inference_mode():
            network.eval()(example)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return found


def _noted(found: list[tuple[Part, nn.Module]]) -> Any:
    def note(module: nn.Module, given: tuple[Tensor, ...], result: Tensor) -> None:
        found.append((part_of(getattr(module, _NAME), given[0], result), module))

    return note


def _outermost(module: nn.Module) -> list[nn.Module]:
    if hasattr(module, _NAME):
        return [module]
    return [part for child in module.children() for part in _outermost(child)]


def _sides(x: Tensor) -> tuple[int, int, int]:
    channels, height, width = (*x.shape[1:], 1, 1)[:3]
    return channels, height, width
