"""Rows of an event table put in order: by user, by time within a user, the most recent ones only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.events.spool import Spool
from nni_nasplus.errors import UserError

__all__ = ["Histories", "id_array", "require_values", "times_of", "users_of"]


@dataclass(frozen=True)
class Histories:
    """``order`` [E]: table rows of the kept events; those of user u are ``order[offsets[u]:offsets[u + 1]]``."""

    order: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, user: NDArray[np.int32], time: NDArray[np.float64], n_users: int, max_length: int) -> Histories:
        """Sort events [N] of users in [0, n_users), −1 to leave out; equal times stay in table order."""
        order = np.lexsort((time, user))[int((user < 0).sum()) :]
        counts = np.bincount(user[user >= 0], minlength=n_users)
        return cls(order, _offsets(counts)).last(max_length)

    @property
    def first(self) -> NDArray[np.bool_]:
        """[E] true at the first kept event of a user."""
        marks = np.zeros(len(self.order), dtype=np.bool_)
        marks[self.offsets[:-1]] = True
        return marks

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[U] events of each user."""
        return np.diff(self.offsets)

    def last(self, max_length: int) -> Histories:
        """The most recent ``max_length`` events of each user."""
        if self.lengths.max() <= max_length:
            return self
        from_end = np.repeat(self.offsets[1:], self.lengths) - np.arange(len(self.order))
        return Histories(self.order[from_end <= max_length], _offsets(np.minimum(self.lengths, max_length)))

    def part(self, start: int, stop: int) -> Histories:
        """The users from ``start`` to before ``stop``."""
        offsets = self.offsets[start : stop + 1]
        return Histories(self.order[offsets[0] : offsets[-1]], offsets - offsets[0])

    def select(self, users: NDArray[np.bool_]) -> Histories:
        """The users marked in [U]."""
        return Histories(self.order[np.repeat(users, self.lengths)], _offsets(self.lengths[users]))


def require_values(spooled: Spool, name: str) -> None:
    """UserError where a value of the column is missing."""
    missing = np.flatnonzero(np.isnan(spooled[name].values))
    if len(missing):
        raise UserError(
            f"events: column {name!r} is missing in {len(missing)} rows, first in row {missing[0] + 1}: "
            "mend or drop these rows"
        )


def users_of(spooled: Spool, name: str) -> tuple[NDArray[np.generic], NDArray[np.int32]]:
    """The users' ids [U] by first appearance, and each event's position [N] among them."""
    require_values(spooled, name)
    raw = spooled[name]
    return id_array(raw.texts), raw.values.astype(np.int32)


def times_of(spooled: Spool, name: str) -> NDArray[np.float64]:
    """[N] event times; UserError where one is missing."""
    require_values(spooled, name)
    return spooled[name].values


def id_array(texts: list[str]) -> NDArray[np.generic]:
    """Ids as int64 where all are written as integers, else as text."""
    if all(_is_integer(t) for t in texts):
        return np.array(texts, dtype=np.int64)
    return np.array(texts, dtype=np.str_)


def _offsets(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], counts.cumsum()])


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 19 and str(int(text)) == text
