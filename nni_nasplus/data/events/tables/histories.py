"""The rows of an event table in order: by user and, within a user, by time; only the most recent ones are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.events.tables.spool import Spool
from nni_nasplus.errors import UserError

__all__ = ["Histories", "id_array", "require_values", "times_of", "users_of"]

_INT64 = np.iinfo(np.int64)
_DIGITS = len(str(_INT64.min))


@dataclass(frozen=True)
class Histories:
    """The events that are kept of U users, as E rows of a table.

    Parameters
    ----------
    order
        [E] the rows; those of user u are ``order[offsets[u]:offsets[u + 1]]``, by ascending time.
    offsets
        [U + 1] where each user begins, and E.
    """

    order: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, user: NDArray[np.int32], time: NDArray[np.float64], n_users: int, max_length: int) -> Histories:
        """Sort a table of N events, of which those of equal times stay in its order.

        Parameters
        ----------
        user
            [N] the number of each event's user in [0, ``n_users``), or −1 for an event that is left out.
        time
            [N] the time of each event.
        n_users
            The number U of users, each of whom has an event.
        max_length
            The most events to keep of a user: the most recent ones.
        """
        order = np.lexsort((time, user))[int((user < 0).sum()) :]
        counts = np.bincount(user[user >= 0], minlength=n_users)
        return cls(order, _offsets(counts)).last(max_length)

    @property
    def first(self) -> NDArray[np.bool_]:
        """Marks [E] that are true at the first kept event of a user."""
        marks = np.zeros(len(self.order), dtype=np.bool_)
        marks[self.offsets[:-1]] = True
        return marks

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number [U] of each user's events."""
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
    """Raise ``UserError`` where a value of the column is missing, which says how it is spelled."""
    missing = np.flatnonzero(np.isnan(spooled[name].values))
    if len(missing):
        source, row = spooled.source, int(missing[0])
        spelled = source.spelling(name, row)
        holds, keep = f", which holds {spelled}", f', or write "{spelled}" in quotes where it is a value'
        raise UserError(
            f"{source.role}: column {name!r} is missing in {len(missing)} rows, first in row {row + 1}"
            f"{holds if spelled else ''}: mend or drop these rows{keep if spelled else ''}"
        )


def users_of(spooled: Spool, name: str) -> tuple[NDArray[np.generic], NDArray[np.int32]]:
    """The users' ids [U] by first appearance, and each event's position [N] among them."""
    require_values(spooled, name)
    raw = spooled[name]
    return id_array(raw.texts), raw.values.astype(np.int32)


def times_of(spooled: Spool, name: str) -> NDArray[np.float64]:
    """The event times [N]; ``UserError`` is raised where one is missing."""
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
    if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) <= _DIGITS):
        return False
    return str(int(text)) == text and _INT64.min <= int(text) <= _INT64.max
