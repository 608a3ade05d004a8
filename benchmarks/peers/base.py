"""What every peer shares: answering repeats, and finding the row for a proposal that is none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from nni_nasplus.replay.replay import Table
from nni_nasplus.search.history import SearchSpaceExhausted
from nni_nasplus.search.space import Architecture

__all__ = ["Peer", "Suggestion"]

REPEATS = 5


class Suggestion(NamedTuple):
    """What a peer proposes, and its own handle for it."""

    architecture: Architecture
    handle: Any = None


class Peer(ABC):
    """Another search on a table.

    An architecture proposed again costs nothing: the peer is told the score it was told before, and asked again.
    After 5 repeats in a row, or where the proposal is no row of the table, the nearest row that was not tried
    yet is evaluated, and the peer is told of that row.
    """

    def __init__(self, table: Table, seed: int) -> None:
        self.table = table
        self.rng = np.random.default_rng([seed, 1])
        self._tried = np.zeros(len(table.pool), dtype=bool)
        self._scores: dict[int, float | None] = {}
        self._asked: dict[int, Suggestion] = {}

    def ask(self) -> Suggestion:
        """A row that was not asked before."""
        if self._tried.all():
            raise SearchSpaceExhausted(f"all {len(self._tried):,} rows were proposed")
        suggestion = self._new()
        row = self.table.pool.find(suggestion.architecture)
        if row is None or self._tried[row]:
            row = self._nearest(suggestion.architecture)
        self._tried[row] = True
        self._asked[row] = suggestion
        return Suggestion(self.table.pool.take([row])[0], row)

    def tell(self, asked: Suggestion, score: float | None) -> None:
        """The score of a row that was asked."""
        self._scores[asked.handle] = score
        self._learn(self._asked.pop(asked.handle), asked.architecture, score)

    def _new(self) -> Suggestion:
        """The first suggestion that is no repeat, or the last of too many."""
        for _ in range(REPEATS):
            suggestion = self._suggest()
            row = self.table.pool.find(suggestion.architecture)
            if row is None or not self._tried[row]:
                break
            if row in self._scores:
                self._learn(suggestion, suggestion.architecture, self._scores[row])
            else:
                self._forget(suggestion)
        else:
            return self._suggest()
        return suggestion

    def _nearest(self, architecture: Architecture) -> int:
        distances = np.where(self._tried, np.inf, self.table.pool.distances(architecture))
        return int(self.rng.choice(np.flatnonzero(distances == distances.min())))

    @abstractmethod
    def _suggest(self) -> Suggestion:
        """The peer's next proposal, in its canonical form."""

    @abstractmethod
    def _learn(self, suggestion: Suggestion, architecture: Architecture, score: float | None) -> None:
        """Tell the peer the score of the row that was evaluated for its suggestion."""

    def _forget(self, suggestion: Suggestion) -> None:
        """Tell the peer that nothing will come of a suggestion: it repeats one that is in training."""
        self._learn(suggestion, suggestion.architecture, None)
