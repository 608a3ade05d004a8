"""How architectures of a space are drawn in great number: one by one, or all at once where the space allows it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np

from nni_nasplus.search.decisions.coded import ChoiceCodec, Coded
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["AtOnce", "Drawing", "OneByOne", "drawing_of"]


class Drawing(Protocol):
    """Draws architectures of a space, in canonical form; any of them takes the same numbers of a generator."""

    def packed(self, architectures: Sequence[Architecture]) -> Sequence[Architecture]:
        """Architectures in canonical form as the others here are held."""

    def samples(self, count: int, rng: np.random.Generator) -> Sequence[Architecture]:
        """So many of :meth:`SearchSpace.sample`."""

    def neighbours(self, centres: Sequence[Architecture], rng: np.random.Generator) -> Sequence[Architecture]:
        """The :meth:`SearchSpace.neighbours` of each."""

    def chosen(self, architectures: Sequence[Architecture], rows: Sequence[int] | np.ndarray) -> Sequence[Architecture]:
        """Some of them, in the order of ``rows``."""

    def joined(self, one: Sequence[Architecture], other: Sequence[Architecture]) -> Sequence[Architecture]:
        """Both, one after the other."""

    def tokens(self, architectures: Sequence[Architecture]) -> Sequence[Hashable]:
        """One for each, equal for equal architectures only."""


class OneByOne:
    """What any space can do."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space

    def packed(self, architectures: Sequence[Architecture]) -> Sequence[Architecture]:
        """See :class:`Drawing`."""
        return list(architectures)

    def samples(self, count: int, rng: np.random.Generator) -> Sequence[Architecture]:
        """See :class:`Drawing`."""
        return [self._space.sample(rng) for _ in range(count)]

    def neighbours(self, centres: Sequence[Architecture], rng: np.random.Generator) -> Sequence[Architecture]:
        """See :class:`Drawing`."""
        return [neighbour for centre in centres for neighbour in self._space.neighbours(centre, rng)]

    def chosen(self, architectures: Sequence[Architecture], rows: Sequence[int] | np.ndarray) -> Sequence[Architecture]:
        """See :class:`Drawing`."""
        return [architectures[row] for row in rows]

    def joined(self, one: Sequence[Architecture], other: Sequence[Architecture]) -> Sequence[Architecture]:
        """See :class:`Drawing`."""
        return [*one, *other]

    def tokens(self, architectures: Sequence[Architecture]) -> Sequence[Hashable]:
        """See :class:`Drawing`."""
        return [self._space.key_of(architecture) for architecture in architectures]


class AtOnce:
    """What a space that is its decisions and conditions can do, in a tenth of the time."""

    def __init__(self, space: SearchSpace) -> None:
        self._codec = ChoiceCodec(space.decisions, space.conditions)

    def packed(self, architectures: Sequence[Architecture]) -> Coded:
        """See :class:`Drawing`."""
        return self._codec.of(architectures)

    def samples(self, count: int, rng: np.random.Generator) -> Coded:
        """See :class:`Drawing`."""
        return self._codec.samples(count, rng)

    def neighbours(self, centres: Sequence[Architecture], rng: np.random.Generator) -> Coded:
        """See :class:`Drawing`."""
        return self._codec.neighbours(centres, rng)

    def chosen(self, architectures: Sequence[Architecture], rows: Sequence[int] | np.ndarray) -> Coded:
        """See :class:`Drawing`."""
        return self.packed(architectures)[np.asarray(rows, dtype=int)]

    def joined(self, one: Sequence[Architecture], other: Sequence[Architecture]) -> Coded:
        """See :class:`Drawing`."""
        return self.packed(one) + self.packed(other)

    def tokens(self, architectures: Sequence[Architecture]) -> Sequence[Hashable]:
        """See :class:`Drawing`."""
        return self.packed(architectures).tokens


def drawing_of(space: SearchSpace) -> Drawing:
    """All at once, unless the space has ways of its own to sample, to find neighbours or to tell its architectures."""
    kind = type(space)
    own = (kind.sample, kind.neighbours, kind.validate, kind.key_of)
    plain = (SearchSpace.sample, SearchSpace.neighbours, SearchSpace.validate, SearchSpace.key_of)
    return AtOnce(space) if own == plain else OneByOne(space)
