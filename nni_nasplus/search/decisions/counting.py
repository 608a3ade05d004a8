"""Counting and uniform sampling of conditional spaces by dynamic programming over a decision diagram."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

__all__ = ["Diagram", "UncountableError"]

State = tuple[Any, ...]
_MAX_STATES = 20_000


class UncountableError(ValueError):
    """The conditions tie together so many decisions that the diagram would not fit."""


class Diagram:
    """A layered diagram: layer i branches on decision i; a node is what later conditions must remember.

    A node's count is the number of architectures below it, an exact integer.
    """

    def __init__(
        self,
        decisions: Mapping[str, Sequence[Any]],
        conditions: Mapping[str, Mapping[str, Sequence[Any]]],
    ) -> None:
        self._names = list(decisions)
        self._choices = decisions
        self._conditions = conditions
        self._remembered = [self._needed_after(i) for i in range(len(self._names) + 1)]
        self._layers = self._grow()
        self._weights = self._count()

    @property
    def size(self) -> int:
        """The number of distinct architectures."""
        return sum(self._weights[0][()]) if self._names else 1

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw one architecture, uniform over all."""
        architecture: dict[str, Any] = {}
        state: State = ()
        draws = rng.random(len(self._names)).tolist()
        for i, draw in enumerate(draws):
            edges, cumulative = self._layers[i][state], self._cumulative[i][state]
            choice, state = edges[min(bisect_right(cumulative, draw), len(edges) - 1)]
            if choice is not None:
                architecture[self._names[i]] = choice
        return architecture

    def _needed_after(self, position: int) -> list[str]:
        """The decisions before ``position`` that a condition at or after it refers to, in order."""
        later = {p for name in self._names[position:] for p in self._conditions.get(name, {})}
        return [name for name in self._names[:position] if name in later]

    def _grow(self) -> list[dict[State, list[tuple[Any, State]]]]:
        layers: list[dict[State, list[tuple[Any, State]]]] = []
        states: set[State] = {()}
        for i in range(len(self._names)):
            layers.append({state: self._edges(i, state) for state in states})
            states = {target for edges in layers[-1].values() for _, target in edges}
            if len(states) > _MAX_STATES:
                raise UncountableError(f"more than {_MAX_STATES} diagram nodes at '{self._names[i]}'")
        return layers

    def _edges(self, i: int, state: State) -> list[tuple[Any, State]]:
        """Branches of decision i: (choice, next state); a single choice None where it is inactive."""
        name = self._names[i]
        values = dict(zip(self._remembered[i], state, strict=True))
        active = all(values[p] is not None and values[p] in ok for p, ok in self._conditions.get(name, {}).items())
        choices = self._choices[name] if active else [None]
        kept = self._remembered[i + 1]
        return [(c, tuple(c if k == name else values[k] for k in kept)) for c in choices]

    def _count(self) -> list[dict[State, list[int]]]:
        below: dict[State, int] = {}
        weights: list[dict[State, list[int]]] = []
        for layer in reversed(self._layers):
            counted = {s: [below.get(target, 1) for _, target in edges] for s, edges in layer.items()}
            weights.append(counted)
            below = {state: sum(counts) for state, counts in counted.items()}
        weights.reverse()
        self._cumulative = [
            {s: [part / sum(counts) for part in accumulate(counts)] for s, counts in layer.items()} for layer in weights
        ]
        return weights
