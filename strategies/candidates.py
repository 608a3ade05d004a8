"""Which architectures a predictor is asked about: neighbours of the best, fresh samples, and uphill from both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set

import numpy as np

from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["CandidatePool", "Value"]

Value = Callable[[Sequence[Architecture]], np.ndarray]
"""What architectures are worth, the greatest first; float [architectures]."""


class CandidatePool:
    """Distinct unseen architectures.

    Parameters
    ----------
    space
        Gives samples and neighbours.
    seen
        The keys of those that are no candidates any more.
    rng
        Draws samples, and what a mutation activates.
    """

    def __init__(self, space: SearchSpace, seen: Set[str], rng: np.random.Generator) -> None:
        self.space = space
        self.seen = seen
        self.rng = rng
        self._by_key: dict[str, Architecture] = {}

    @property
    def architectures(self) -> list[Architecture]:
        """The candidates, in the order in which they were added."""
        return list(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def add(self, architectures: Iterable[Architecture]) -> int:
        """Take those in canonical form that are unseen and not here yet; tell how many."""
        before = len(self)
        for architecture in architectures:
            if (key := self.space.key_of(architecture)) not in self.seen:
                self._by_key.setdefault(key, architecture)
        return len(self) - before

    def sample(self, count: int) -> None:
        """Add ``count`` samples of the space, or all of it, shuffled, where it has no more."""
        if self.space.size is not None and self.space.size <= count:
            everything = list(self.space)
            self.add(everything[i] for i in self.rng.permutation(len(everything)))
        else:
            self.add(self.space.sample(self.rng) for _ in range(count))

    def around(self, centres: Sequence[Architecture], count: int) -> int:
        """Add at most ``count`` neighbours of the centres, drawn; tell how many were new."""
        near = [neighbour for centre in centres for neighbour in self.space.neighbours(centre, self.rng)]
        if len(near) > count:
            near = [near[i] for i in self.rng.choice(len(near), count, replace=False)]
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
            architectures = self.architectures
            order = np.argsort(-values, kind="stable")[:best]
            if not self.around([architectures[i] for i in order], count):
                break
            values = np.concatenate([values, value(self.architectures[len(values) :])])
        return values
