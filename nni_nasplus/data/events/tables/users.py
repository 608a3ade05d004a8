"""Columns of tables of one row per user, for users by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.events.tables.column import ColumnReader, Wanted
from nni_nasplus.data.events.tables.histories import require_values
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import RawColumn, Spool, spool
from nni_nasplus.errors import UserError

__all__ = ["UserColumns", "texts_of"]

_ALIKE = 0.9999
"""Correlation from which on an attribute is the number that is predicted, or that number in other units."""
_REPEATED = 2
"""How often the values of a column occur on average where it can be said to tell the class: names do so by chance."""


@dataclass(frozen=True)
class UserColumns:
    """Columns of U users.

    Parameters
    ----------
    users
        [U] the ids as text.
    columns
        The values [U] of each column by its name.
    readers
        How each column was read, and what of it could not be.
    """

    users: list[str] = field(default_factory=list)
    columns: dict[str, RawColumn] = field(default_factory=dict)
    readers: dict[str, ColumnReader] = field(default_factory=dict)

    @classmethod
    def read(cls, source: Source, id: str, wanted: Mapping[str, Wanted], folder: Path) -> UserColumns:
        """Read what is asked of a table; ``folder`` is scratch space.

        Raises
        ------
        UserError
            If a column is missing, the table is empty, an id is missing or occurs twice, or a column has to be complete
            and is not.
        """
        source.require([id, *wanted])
        spooled = spool(source, {**wanted, id: Wanted("text")}, folder, progress=False)
        if not spooled.rows:
            raise UserError(f"{source.role}: the table is empty: give one row per user")
        users = texts_of(spooled, id)
        if twice := [user for user, count in Counter(users).most_common(1) if count > 1]:
            raise UserError(f"{source.role}: {id} {twice[0]!r} occurs twice: keep one row per user")
        for name, one in wanted.items():
            if one.complete:
                require_values(spooled, name)
        kept = {name: _kept(spooled[name]) for name in wanted}
        return cls(users, kept, {name: spooled.columns[name] for name in wanted})

    def as_read(self, wanted: Mapping[str, Wanted]) -> dict[str, Wanted]:
        """What to ask of a further table, so that it is read as this one was when that was asked of it."""
        return {
            name: replace(one, kind=self.columns[name].kind, style=self.columns[name].style)
            for name, one in wanted.items()
        }

    def joined(self, other: UserColumns) -> UserColumns:
        """The users of both, with the columns of this one."""
        columns = {name: _joined(column, other.columns[name]) for name, column in self.columns.items()}
        return UserColumns([*self.users, *other.users], columns, self.readers)

    def of(self, users: Sequence[str]) -> UserColumns:
        """The columns of some users in their order; of users who are not there all is missing."""
        row = {user: i for i, user in enumerate(self.users)}
        rows = np.array([row.get(user, -1) for user in users], dtype=np.int64)
        found = {name: column.take(rows) for name, column in self.columns.items()}
        for column in found.values():
            column.values[rows < 0] = np.nan
        return UserColumns(list(users), found, self.readers)

    def require(self, users: Sequence[str], id: str) -> None:
        """Raise ``UserError`` where one of some users is not there, and there are columns to be read of them."""
        known = set(self.users)
        if self.columns and (missing := [user for user in users if user not in known]):
            raise UserError(
                f"attributes: {len(missing)} users with events are missing, such as {id} {missing[0]!r}: "
                "add a row for each of them"
            )

    def texts(self, name: str) -> NDArray[np.str_]:
        """The values [U] of a column that was asked for as text, none of which is missing."""
        column = self.columns[name]
        return np.array([column.texts[int(value)] for value in column.values], dtype=np.str_)

    def only(self, names: Sequence[str]) -> UserColumns:
        """Some of the columns."""
        columns = {name: self.columns[name] for name in names}
        return UserColumns(self.users, columns, {name: self.readers[name] for name in names})

    def tells(self, name: str, label: NDArray[Any]) -> bool:
        """Whether each value of a column is of one class, or numbers are on a line with those of labels [U]."""
        column = self.columns[name]
        _, value = np.unique(column.values, return_inverse=True)
        if label.dtype == np.float64 and column.kind == "number" and value.max() > 1:
            known = ~np.isnan(column.values)
            return bool(abs(np.corrcoef(column.values[known], label[known])[0, 1]) > _ALIKE)
        n_values, n_pairs = value.max() + 1, np.unique(np.stack([value, label]), axis=1).shape[1]
        return bool(n_pairs == n_values and _REPEATED * n_values <= len(label))

    def spread(self, spooled: Spool, user: NDArray[np.int32]) -> None:
        """Add the columns to those of events, whose users' positions [N] are given; −1 is nobody."""
        for name, column in self.columns.items():
            values = np.where(user < 0, np.nan, column.values[user])
            spooled.add(self.readers[name], RawColumn(values, column.kind, column.texts, column.style))


def texts_of(spooled: Spool, name: str) -> list[str]:
    """The values of a column that was read as text; ``UserError`` is raised where one is missing."""
    require_values(spooled, name)
    raw = spooled[name]
    return [raw.texts[int(v)] for v in raw.values]


def _kept(column: RawColumn) -> RawColumn:
    """A column that outlives its file."""
    return RawColumn(np.array(column.values), column.kind, column.texts, column.style)


def _joined(first: RawColumn, second: RawColumn) -> RawColumn:
    known = {text: i for i, text in enumerate(first.texts)}
    values = second.values
    if first.kind == "text":
        codes = np.array([*(known.setdefault(text, len(known)) for text in second.texts), np.nan])
        values = codes[np.where(np.isnan(values), len(codes) - 1, values).astype(np.int64)]
    return RawColumn(np.concatenate([first.values, values]), first.kind, list(known), first.style)
