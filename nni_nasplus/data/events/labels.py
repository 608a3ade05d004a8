"""The label of each user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.events.tables.column import Wanted
from nni_nasplus.data.events.tables.histories import id_array, require_values
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import RawColumn, Spool, spool
from nni_nasplus.errors import UserError

__all__ = ["Labels"]


@dataclass(frozen=True)
class Labels:
    """The ids and targets of U users as text, in ascending order of the ids."""

    texts: list[str]
    target: list[str]

    @classmethod
    def read(cls, source: Source, id: str, target: str, folder: Path) -> Labels:
        """Read a table of one row per user; ``folder`` is scratch space.

        Raises
        ------
        UserError
            If a column is missing, the table is empty, an id or target is missing, or an id occurs twice.
        """
        source.require([id, target])
        spooled = spool(source, dict.fromkeys((id, target), Wanted("text")), folder, progress=False)
        if not spooled.rows:
            raise UserError(f"{source.role}: the table is empty: give one row per user")
        ids, targets = (_texts(spooled, name) for name in (id, target))
        if len(spooled[id].texts) < len(ids):
            twice = Counter(ids).most_common(1)[0][0]
            raise UserError(f"{source.role}: {id} {twice!r} occurs twice: keep one row per user")
        order = np.argsort(id_array(ids), kind="stable")
        return cls([ids[i] for i in order], [targets[i] for i in order])

    @classmethod
    def joined(cls, tables: Mapping[str, Labels], id: str) -> Labels:
        """The users of several tables, by what these are called; ``UserError`` is raised where two share users."""
        table: dict[str, str] = {}
        for role, labels in tables.items():
            if shared := [text for text in labels.texts if text in table]:
                raise UserError(
                    f"{role}: {len(shared)} users are in the {table[shared[0]]} too, such as {id} {shared[0]!r}: "
                    "keep each user in one table"
                )
            table |= dict.fromkeys(labels.texts, role)
        target = [value for labels in tables.values() for value in labels.target]
        order = np.argsort(id_array([*table]), kind="stable")
        texts = [*table]
        return cls([texts[i] for i in order], [target[i] for i in order])

    @property
    def ids(self) -> NDArray[np.generic]:
        """The ids [U] as int64 where all are integers, else as text."""
        return id_array(self.texts)

    def match(self, events: RawColumn, id: str, drop_unmatched: bool) -> tuple[Labels, NDArray[np.int32]]:
        """The labels of users with events, and each event's position [N] among them, −1 for a user without label.

        Raises
        ------
        UserError
            If there are events without label or labels without events, unless they are to be dropped.
        """
        known = set(events.texts)
        kept = [i for i, t in enumerate(self.texts) if t in known]
        matched = Labels([self.texts[i] for i in kept], [self.target[i] for i in kept])
        row = {t: i for i, t in enumerate(matched.texts)}
        if not drop_unmatched:
            _complain("without a label", id, [t for t in events.texts if t not in row], ("labels", self.texts))
            _complain("without an event", id, [t for t in self.texts if t not in known], ("events", events.texts))
        if not matched.texts:
            raise UserError(f"events and labels share no {id}: check that both name users alike")
        table = np.array([row.get(t, -1) for t in events.texts], dtype=np.int32)
        return matched, table[events.values.astype(np.int64)]

    def classes(self) -> tuple[list[Any], NDArray[np.int64]]:
        """The label values in ascending order, and each user's class [U]; ``UserError`` where there is but one."""
        values, label = np.unique(id_array(self.target), return_inverse=True)
        if len(values) < 2:
            raise UserError(f"labels: every user has the target {values[0].item()!r}: two classes are needed")
        return values.tolist(), label.astype(np.int64)


def _texts(spooled: Spool, name: str) -> list[str]:
    require_values(spooled, name)
    raw = spooled[name]
    return [raw.texts[int(v)] for v in raw.values]


def _complain(lack: str, id: str, unmatched: list[str], other: tuple[str, list[str]]) -> None:
    """Raise where users are unmatched; zeros in front of a number, which tables lose on their way, are told apart."""
    if not unmatched:
        return
    table, texts = other
    written = {text.lstrip("0"): text for text in texts}.get(unmatched[0].lstrip("0"))
    twin = f", which the {table} write {written!r}: write both alike" if written and written != unmatched[0] else ""
    raise UserError(
        f"{len(unmatched)} users are {lack}, such as {id} {unmatched[0]!r}"
        f"{twin or ': add what is missing'}, or leave them out by --drop-unmatched"
    )
