"""The label of each user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.events.tables.column import Wanted
from nni_nasplus.data.events.tables.histories import id_array, require_values
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import RawColumn, Spool, spool
from nni_nasplus.data.targets import Classes, Number, Tags, Target
from nni_nasplus.errors import UserError

__all__ = ["Labels", "Predicted"]

Predicted = Literal["classes", "number"]
"""What a target is taken for."""


@dataclass(frozen=True)
class Labels:
    """The ids of U users as text, in ascending order, and the targets of each: texts, or one number."""

    texts: list[str]
    target: list[tuple[Any, ...]]

    @classmethod
    def read(
        cls, source: Source, id: str, targets: Sequence[str], folder: Path, predicted: Predicted = "classes"
    ) -> Labels:
        """Read a table of one row per user; ``folder`` is scratch space.

        Raises
        ------
        UserError
            If a column is missing, the table is empty, an id or target is missing, an id occurs twice, or what is to be
            predicted as a number is none.
        """
        source.require([id, *targets])
        number = Wanted(
            "number", complete=True, noun="number", remedy="mend the column, or predict classes, by --objective roc_auc"
        )
        wanted = number if predicted == "number" else Wanted("text")
        spooled = spool(source, {**dict.fromkeys(targets, wanted), id: Wanted("text")}, folder, progress=False)
        if not spooled.rows:
            raise UserError(f"{source.role}: the table is empty: give one row per user")
        ids = _values(spooled, id)
        rows = list(zip(*(_values(spooled, name) for name in targets), strict=True))
        if len(spooled[id].texts) < len(ids):
            twice = Counter(ids).most_common(1)[0][0]
            raise UserError(f"{source.role}: {id} {twice!r} occurs twice: keep one row per user")
        order = np.argsort(id_array(ids), kind="stable")
        return cls([ids[i] for i in order], [rows[i] for i in order])

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

    def predicted(self, names: Sequence[str], predicted: Predicted) -> tuple[Target, NDArray[Any]]:
        """What is predicted, and its labels [U] or [U, K]: classes, a number, or, of several columns, tags.

        Raises
        ------
        UserError
            If all users have the same.
        """
        columns = list(zip(*self.target, strict=True))
        if predicted == "number":
            return Number.read(names[0], np.array(columns[0], dtype=np.float64))
        values = [id_array(list(column)) for column in columns]
        return Classes.read(names[0], values[0]) if len(names) == 1 else Tags.read(names, values)


def _values(spooled: Spool, name: str) -> list[Any]:
    """The texts of a column, or its numbers; ``UserError`` where one is missing."""
    require_values(spooled, name)
    raw = spooled[name]
    return [raw.texts[int(v)] for v in raw.values] if raw.kind == "text" else raw.values.tolist()


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
