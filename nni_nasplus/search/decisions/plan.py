"""The decisions of a space in order, each with the choices under which it is active."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Plan"]


class Plan:
    """Goes through the decisions of an architecture in order, and leaves out those that are not active.

    Parameters
    ----------
    decisions
        Choices by decision name, in order.
    conditions
        By decision: its parents, which come before it, and the choices of each under which it is active.
    """

    def __init__(
        self, decisions: Mapping[str, Sequence[Any]], conditions: Mapping[str, Mapping[str, Sequence[Any]]]
    ) -> None:
        self._steps = [
            (name, choices, [(parent, frozenset(allowed)) for parent, allowed in conditions.get(name, {}).items()])
            for name, choices in decisions.items()
        ]
        self._parents = {parent for parents in conditions.values() for parent in parents}

    def decided(self, choose: Callable[[str, Sequence[Any]], Any]) -> dict[str, Any]:
        """The architecture whose active decisions are what a function of their name and choices says, in order."""
        architecture: dict[str, Any] = {}
        for name, choices, parents in self._steps:
            if not parents or _active(parents, architecture):
                architecture[name] = choose(name, choices)
        return architecture

    def completed(self, fixed: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """The architecture that keeps ``fixed`` where it is active and draws every other active decision."""
        draws = rng.random(len(self._steps)).tolist()
        architecture: dict[str, Any] = {}
        for (name, choices, parents), draw in zip(self._steps, draws, strict=True):
            if not parents or _active(parents, architecture):
                architecture[name] = fixed[name] if name in fixed else choices[int(draw * len(choices))]
        return architecture

    def changed(
        self, architecture: Mapping[str, Any], name: str, choice: Any, rng: np.random.Generator
    ) -> dict[str, Any]:
        """An architecture with another choice of an active decision; what that activates is drawn."""
        if name in self._parents:
            return self.completed({**architecture, name: choice}, rng)
        rng.random(len(self._steps))  # as many draws as if something were activated
        return {**architecture, name: choice}

    def all(self) -> Iterator[dict[str, Any]]:
        """Every architecture once, in order of its decisions."""
        return self._extended({}, 0)

    def _extended(self, prefix: dict[str, Any], position: int) -> Iterator[dict[str, Any]]:
        if position == len(self._steps):
            yield prefix
            return
        name, choices, parents = self._steps[position]
        if not _active(parents, prefix):
            yield from self._extended(prefix, position + 1)
            return
        for choice in choices:
            yield from self._extended({**prefix, name: choice}, position + 1)


def _active(parents: list[tuple[str, frozenset[Any]]], architecture: Mapping[str, Any]) -> bool:
    # An inactive parent has no choice, and no choice is None.
    for parent, allowed in parents:  # noqa: SIM110  # all() takes twice as long, and every candidate asks this
        if architecture.get(parent) not in allowed:
            return False
    return True
