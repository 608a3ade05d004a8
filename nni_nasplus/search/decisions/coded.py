"""Many architectures at a time, as a table of whole numbers: drawn, changed and described all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np

__all__ = ["ChoiceCodec", "Coded"]


class Coded(Sequence[dict[str, Any]]):
    """Architectures in canonical form, which are made when they are asked for.

    Parameters
    ----------
    decisions
        Choices by decision name, in order.
    codes
        The position of every choice, −1 where the decision is inactive; int32 [architectures, decisions].
    """

    def __init__(self, decisions: Mapping[str, Sequence[Any]], codes: np.ndarray) -> None:
        self.decisions = decisions
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, which: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, which: slice | np.ndarray) -> Coded: ...
    def __getitem__(self, which: int | slice | np.ndarray) -> dict[str, Any] | Coded:
        """One architecture, or some of them: a slice, or numbers in any order."""
        if isinstance(which, (slice, np.ndarray)):
            return Coded(self.decisions, self.codes[which])
        return self._read(self.codes[which].tolist())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self._read, self.codes.tolist())

    def __add__(self, other: Coded) -> Coded:
        return Coded(self.decisions, np.concatenate([self.codes, other.codes]))

    def _read(self, positions: Sequence[int]) -> dict[str, Any]:
        choices = zip(self.decisions.items(), positions, strict=True)
        return {name: some[position] for (name, some), position in choices if position >= 0}

    @property
    def tokens(self) -> list[bytes]:
        """One for each architecture, equal for equal architectures of a space only."""
        rows = np.ascontiguousarray(self.codes)
        width = rows.itemsize * rows.shape[1]
        return [] if not rows.size else rows.view(f"V{width}")[:, 0].tolist()


class ChoiceCodec:
    """Draws architectures and lists neighbours, with the very numbers that doing so one by one takes of a generator.

    Parameters
    ----------
    decisions
        Choices by decision name, in order.
    conditions
        By decision: its parents, and the choices of each under which it is active.
    """

    def __init__(
        self, decisions: Mapping[str, Sequence[Any]], conditions: Mapping[str, Mapping[str, Sequence[Any]]]
    ) -> None:
        self.decisions = decisions
        self._position = {name: {choice: i for i, choice in enumerate(some)} for name, some in decisions.items()}
        sizes = np.array([len(some) for some in decisions.values()], dtype=np.int32)
        self._sizes = sizes
        self._of_pair = np.repeat(np.arange(len(sizes)), sizes)
        self._choice_of_pair = np.concatenate([np.arange(0), *map(np.arange, sizes)]).astype(np.int32)
        number = {name: i for i, name in enumerate(decisions)}
        self._conditions = [
            (number[name], [(number[parent], self._allowed(parent, some)) for parent, some in parents.items()])
            for name, parents in sorted(conditions.items(), key=lambda one: number[one[0]])
        ]

    def _allowed(self, parent: str, choices: Sequence[Any]) -> np.ndarray:
        """By the parent's position, and at −1, the last: whether it lets a decision be active."""
        found = np.zeros(len(self.decisions[parent]) + 1, dtype=bool)
        found[[self._position[parent][choice] for choice in choices]] = True
        return found

    def of(self, architectures: Sequence[Mapping[str, Any]]) -> Coded:
        """Architectures in canonical form."""
        if isinstance(architectures, Coded):
            return architectures
        rows = [[at[one[name]] if name in one else -1 for name, at in self._position.items()] for one in architectures]
        return Coded(self.decisions, np.array(rows, dtype=np.int32).reshape(len(rows), len(self.decisions)))

    def samples(self, count: int, rng: np.random.Generator) -> Coded:
        """So many, each active decision uniform."""
        return self._completed(np.full((count, len(self.decisions)), -1, dtype=np.int32), rng)

    def neighbours(self, centres: Sequence[Mapping[str, Any]], rng: np.random.Generator) -> Coded:
        """One for each other choice of each active decision of each centre; what that activates is drawn."""
        codes = self.of(centres).codes
        current = codes[:, self._of_pair]
        centre, pair = np.nonzero((current >= 0) & (current != self._choice_of_pair))
        changed = codes[centre]
        changed[np.arange(len(pair)), self._of_pair[pair]] = self._choice_of_pair[pair]
        return self._completed(changed, rng)

    def _completed(self, fixed: np.ndarray, rng: np.random.Generator) -> Coded:
        """What keeps ``fixed`` where it is active, and has a draw for every other active decision."""
        drawn = (rng.random(fixed.shape) * self._sizes).astype(np.int32)
        codes = np.where(fixed >= 0, fixed, drawn)
        for decision, parents in self._conditions:
            for parent, allowed in parents:
                codes[~allowed[codes[:, parent]], decision] = -1
        return Coded(self.decisions, codes)
