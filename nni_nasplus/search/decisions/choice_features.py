"""What a predictor learns from: one-hot codes of choices, and how often each choice occurs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nni_nasplus.search.decisions.coded import Coded

__all__ = ["ChoiceFeatures"]


class ChoiceFeatures:
    """The features of architectures with these decisions.

    They are the one-hot codes, then how often each choice occurs among the decisions that offer the same choices: what
    is known of a convolution on one edge says something of a convolution on another.

    The code of an architecture has length 1: with few active decisions or many, two architectures that share no choice
    are equally far apart. Else shallow architectures would all look alike, and a predictor be the less sure of one the
    deeper it is. All counts together weigh as much as the codes, in spaces of any size.

    Parameters
    ----------
    decisions
        Choices by decision name, in order.
    """

    def __init__(self, decisions: Mapping[str, Sequence[Any]]) -> None:
        self.decisions = decisions
        columns = iter(range(sum(map(len, decisions.values()))))
        self._column = {name: {choice: next(columns) for choice in choices} for name, choices in decisions.items()}
        sizes = [len(choices) for choices in decisions.values()]
        self._first = np.cumsum([0, *sizes])[:-1]
        self._counts = self._scaled_counts()
        self._occurs, self._scales = (self._counts > 0).astype(float), self._counts.max(axis=0, initial=0.0)

    def of(self, architectures: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Float64 [architectures, features] of architectures in canonical form."""
        code = np.zeros((len(architectures), len(self._counts)))
        rows, columns, lengths = self._chosen(architectures)
        code[rows, columns] = 1.0
        # Whole numbers are added exactly in any order: a row does not depend on how many there are.
        counts = (code @ self._occurs) * self._scales
        return np.hstack([code / np.sqrt(np.maximum(lengths, 1.0))[:, None], counts])

    def _chosen(self, architectures: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows and columns of all choices, and how many each architecture has."""
        if isinstance(architectures, Coded):
            rows, decisions = np.nonzero(architectures.codes >= 0)
            columns = self._first[decisions] + architectures.codes[rows, decisions]
            return rows, columns, np.bincount(rows, minlength=len(architectures)).astype(float)
        lengths = [len(architecture) for architecture in architectures]
        found = [self._column[name][choice] for one in architectures for name, choice in one.items()]
        rows = np.repeat(np.arange(len(architectures)), lengths)
        return rows, np.array(found, dtype=int), np.array(lengths, dtype=float)

    @property
    def groups(self) -> np.ndarray:
        """The group of every feature: the columns of a decision are one, every count is one; int [features]."""
        decisions = np.repeat(np.arange(len(self.decisions)), [len(c) for c in self.decisions.values()])
        return np.concatenate([decisions, len(self.decisions) + np.arange(self._counts.shape[1])])

    def _scaled_counts(self) -> np.ndarray:
        """Maps a one-hot code to scaled counts; float64 [width, counts]."""
        alike: dict[tuple[Any, ...], list[str]] = {}
        for name, choices in self.decisions.items():
            alike.setdefault(tuple(choices), []).append(name)
        shared = {choices: names for choices, names in alike.items() if len(names) > 1}
        counts = np.zeros((sum(map(len, self.decisions.values())), sum(map(len, shared))))
        column = iter(range(counts.shape[1]))
        for choices, names in shared.items():
            for choice in choices:
                rows = [self._column[name][choice] for name in names]
                counts[rows, next(column)] = np.sqrt(0.5 / len(names) / len(shared))
        return counts
