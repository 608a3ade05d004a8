"""A search space whose architectures are the rows of a table: what was trained, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, SearchSpace

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["TableSpace"]

_NEIGHBOURS = 10
_ROWS = "_rows"


class TableSpace(SearchSpace):
    """The given architectures of a space, and no others: every strategy runs on it unchanged.

    Few of a row's mutants are rows themselves, so mutation moves to a near row instead: the distance of two
    architectures is the number of decisions in which they differ, an inactive decision being a value of its own.

    Parameters
    ----------
    space
        Gives the decisions and conditions.
    rows
        Architectures of ``space``, in the table's order.

    Raises
    ------
    UserError
        If there is no row, a row is not in ``space``, or two are the same architecture.

    Examples
    --------
    >>> space = SearchSpace({"op": ["conv", "pool"], "width": [8, 16]})
    >>> table = TableSpace(space, [{"op": "conv", "width": 8}, {"op": "pool", "width": 16}])
    >>> table.size
    2
    """

    def __init__(self, space: SearchSpace, rows: Iterable[Mapping[str, Any]]) -> None:
        super().__init__(space.decisions, space.conditions)
        self._whole = space
        self.sampled_prior = space.sampled_prior
        self._rows = [self._whole.validate(row) for row in rows]
        if not self._rows:
            raise UserError("the table has no architecture; give at least one")
        self._row_of: dict[tuple[tuple[str, Any], ...], int] = {}
        for number, row in enumerate(self._rows):
            first = self._row_of.setdefault(tuple(row.items()), number)
            if first != number:
                raise UserError(f"rows {first} and {number} of the table are the same architecture; merge them")

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def whole(self) -> SearchSpace:
        """The space that the rows are of."""
        return self._whole

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Architecture]:
        """The rows, in order."""
        return map(dict, self._rows)

    def sample(
        self, rng: np.random.Generator, uniform: Literal["decision", "architecture"] = "decision"
    ) -> Architecture:
        """Draw a row, all equally likely whatever ``uniform`` says."""
        return dict(self._rows[rng.integers(len(self._rows))])

    def validate(self, architecture: Mapping[str, Any]) -> Architecture:
        """Return the canonical form.

        Raises
        ------
        UserError
            If the architecture is no row.
        """
        return dict(self._rows[self.row(architecture)])

    def row(self, architecture: Mapping[str, Any]) -> int:
        """The number of an architecture's row; :class:`UserError` if it is none."""
        row = self.find(architecture)
        if row is None:
            raise UserError(f"the architecture is none of the {len(self):,} of the table")
        return row

    def find(self, architecture: Mapping[str, Any]) -> int | None:
        """The number of an architecture's row, or None; :class:`UserError` if the decisions do not allow it."""
        try:
            row = self._row_of.get(tuple(architecture.items()))
        except TypeError:
            row = None
        return self._row_of.get(tuple(self._whole.validate(architecture).items())) if row is None else row

    def take(self, rows: Iterable[int]) -> list[Architecture]:
        """The architectures of the numbered rows."""
        return [dict(self._rows[row]) for row in rows]

    def distances(self, architecture: Mapping[str, Any]) -> np.ndarray:
        """The distance of every row to an architecture, which the decisions allow but need not be a row; int [rows]."""
        return (self._codes != self._code(self._whole.validate(architecture))).sum(axis=1)

    def nearest(self, architecture: Mapping[str, Any], rng: np.random.Generator, count: int) -> np.ndarray:
        """The ``count`` rows nearest to an architecture, ties drawn, without its own row; int [≤ count]."""
        distances = self.distances(architecture)
        candidates = np.flatnonzero(distances)
        order = np.lexsort((rng.random(len(candidates)), distances[candidates]))
        return candidates[order[:count]]

    def neighbours(self, architecture: Mapping[str, Any], rng: np.random.Generator) -> Iterator[Architecture]:
        """Yield the ten rows that are nearest, nearest first, ties in random order."""
        self.row(architecture)
        return iter(self.take(self.nearest(architecture, rng, _NEIGHBOURS)))

    def mutate(self, architecture: Mapping[str, Any], rng: np.random.Generator) -> Architecture:
        """Draw one of the :meth:`neighbours`.

        Raises
        ------
        UserError
            If the table has one row only.
        """
        near = list(self.neighbours(architecture, rng))
        if not near:
            raise UserError("the table has one architecture only; nothing can be mutated")
        return near[rng.integers(len(near))]

    def crossed(self, one: Mapping[str, Any], other: Mapping[str, Any], rng: np.random.Generator) -> Architecture:
        """The row that is nearest to what the whole space makes of both."""
        child = self._whole.crossed(one, other, rng)
        row = self.find(child)
        return self.take(self.nearest(child, rng, 1) if row is None else [row])[0]

    def key(self, architecture: Mapping[str, Any]) -> str:
        """The key that the architecture has in the whole space."""
        return self._row_keys[self.row(architecture)]

    def key_of(self, canonical: Architecture) -> str:
        """Likewise, of an architecture in canonical form."""
        return self.key(canonical)

    def encode(self, architecture: Mapping[str, Any]) -> np.ndarray:
        """The code that the architecture has in the whole space."""
        return self._encoded[self.row(architecture)].copy()

    def features(self, architectures: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """The features that the architectures have in the whole space."""
        return self._whole.features(architectures)

    @property
    def feature_groups(self) -> np.ndarray:  # type: ignore[override]
        """Those of the whole space."""
        return self._whole.feature_groups

    @property
    def has_graph(self) -> bool:
        """Whether the whole space has one."""
        return self._whole.has_graph

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """That of the whole space."""
        return self._whole.graph(architecture)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """The whole space's format, and the rows; :meth:`SearchSpace.from_json` refuses it."""
        return {**self._whole.to_json(), _ROWS: {"_type": "rows", "_value": [dict(row) for row in self._rows]}}

    @classmethod
    def from_json(cls, space: Mapping[str, Mapping[str, Any]]) -> TableSpace:
        """Read :meth:`to_json`.

        Raises
        ------
        UserError
            If there are no rows.
        """
        if _ROWS not in space:
            raise UserError("the space has no rows; read it with SearchSpace.from_json")
        decisions = {name: parameter for name, parameter in space.items() if name != _ROWS}
        return cls(SearchSpace.from_json(decisions), space[_ROWS]["_value"])

    @cached_property
    def _codes(self) -> np.ndarray:
        """The position of every choice, −1 where inactive; int16 [rows, decisions]."""
        return np.array([self._code(row) for row in self._rows])

    def _code(self, canonical: Mapping[str, Any]) -> np.ndarray:
        positions = [self._index[n][canonical[n]] if n in canonical else -1 for n in self.decisions]
        return np.array(positions, dtype=np.int16)

    @cached_property
    def _encoded(self) -> np.ndarray:
        """The one-hot codes; float64 [rows, width]."""
        codes = self._codes.T[:, :, None]
        blocks = [c == np.arange(len(choices)) for c, choices in zip(codes, self.decisions.values(), strict=True)]
        return np.hstack(blocks).astype(float)

    @cached_property
    def _row_keys(self) -> list[str]:
        return [self._whole.key(row) for row in self._rows]
