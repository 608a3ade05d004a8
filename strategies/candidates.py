"""Which architectures a predictor is asked about: neighbours of the best, fresh samples, and uphill from both."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence, Set

import numpy as np

from nni_nasplus.search.drawn import Drawing
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["CandidatePool", "Value"]

Value = Callable[[Sequence[Architecture]], np.ndarray]
"""What architectures are worth, the greatest first; float [architectures]."""


class CandidatePool:
    """Distinct unseen architectures.

    Parameters
    ----------
    space
        Whose candidates they are.
    drawing
        Gives samples of it, and neighbours.
    seen
        The tokens of those that are no candidates any more.
    rng
        Draws samples, and what a mutation activates.
    """

    def __init__(self, space: SearchSpace, drawing: Drawing, seen: Set[Hashable], rng: np.random.Generator) -> None:
        self.space = space
        self.drawing = drawing
        self.seen = seen
        self.rng = rng
        self.architectures = drawing.packed([])
        """The candidates, in the order in which they were added."""
        self._tokens: set[Hashable] = set()

    def __len__(self) -> int:
        return len(self.architectures)

    def add(self, architectures: Sequence[Architecture]) -> int:
        """Take those in canonical form that are unseen and not here yet; tell how many."""
        new = []
        for row, token in enumerate(self.drawing.tokens(architectures)):
            if token not in self.seen and token not in self._tokens:
                self._tokens.add(token)
                new.append(row)
        self.architectures = self.drawing.joined(self.architectures, self.drawing.chosen(architectures, new))
        return len(new)

    def sample(self, count: int) -> None:
        """Add ``count`` samples of the space, or all of it, shuffled, where it has no more."""
        if self.space.size is not None and self.space.size <= count:
            everything = list(self.space)
            self.add([everything[i] for i in self.rng.permutation(len(everything))])
        else:
            self.add(self.drawing.samples(count, self.rng))

    def around(self, centres: Sequence[Architecture], count: int) -> int:
        """Add at most ``count`` neighbours of the centres, drawn; tell how many were new."""
        near = self.drawing.neighbours(centres, self.rng)
        if len(near) > count:
            near = self.drawing.chosen(near, self.rng.choice(len(near), count, replace=False))
        return self.add(near)

    def climb(self, value: Value, rounds: int, best: int, count: int) -> np.ndarray:
        """Add the neighbours of the candidates of greatest value, and theirs, for some rounds.

        Parameters
        ----------
        value
            Asked of all candidates at first, then of those that each round adds.

        Returns
        -------
        The values of all candidates; float [candidates].
        """
        values = value(self.architectures)
        for _ in range(rounds):
            order = np.argsort(-values, kind="stable")[:best]
            if not self.around(self.drawing.chosen(self.architectures, order), count):
                break
            values = np.concatenate([values, value(self.architectures[len(values) :])])
        return values
