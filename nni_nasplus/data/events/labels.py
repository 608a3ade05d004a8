"""The label of each user, and which users train, validate and test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from nni_nasplus.data.cache import SPLITS
from nni_nasplus.data.events.tables.column import Wanted
from nni_nasplus.data.events.tables.histories import id_array, require_values
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import RawColumn, Spool, spool
from nni_nasplus.data.targets import Classes, Number, Tags, Target
from nni_nasplus.errors import UserError

__all__ = ["Labels", "Predicted", "split_users"]

Predicted = Literal["classes", "number"]
"""What a target is taken for."""

_FEWEST = 2
"""Users that each class has in each split at the least: the recall of a single one would be all or nothing."""


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
        wanted = Wanted("number", complete=True, noun="number") if predicted == "number" else Wanted("text")
        spooled = spool(source, {**dict.fromkeys(targets, wanted), id: Wanted("text")}, folder, progress=False)
        if not spooled.rows:
            raise UserError("labels: the table is empty: give one row per user")
        ids = _values(spooled, id)
        rows = list(zip(*(_values(spooled, name) for name in targets), strict=True))
        if len(spooled[id].texts) < len(ids):
            twice = Counter(ids).most_common(1)[0][0]
            raise UserError(f"labels: {id} {twice!r} occurs twice: keep one row per user")
        order = np.argsort(id_array(ids), kind="stable")
        return cls([ids[i] for i in order], [rows[i] for i in order])

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
            If all users have the same, or there is more than one number.
        """
        columns = list(zip(*self.target, strict=True))
        if predicted == "number":
            if len(names) > 1:
                raise UserError(f"--target names {len(names)} columns, and one number is predicted: leave one")
            return Number.read(names[0], np.array(columns[0], dtype=np.float64))
        values = [id_array(list(column)) for column in columns]
        return Classes.read(names[0], values[0]) if len(names) == 1 else Tags.read(names, values)


def split_users(
    label: NDArray[np.int64], classes: Sequence[Any], split: Sequence[float], seed: int
) -> NDArray[np.int8]:
    """Draw the split [U] of each user as a position in ``SPLITS``, stratified by class.

    Parameters
    ----------
    label
        [U] the class of each user.
    classes
        The label value of each class, for messages.
    split
        The shares of training, validation and test users.
    seed
        Fixes the split.

    Raises
    ------
    UserError
        If the shares do not add up to 1, or a class has too few users.
    """
    if len(split) != len(SPLITS) or min(split) <= 0 or abs(sum(split) - 1) > 1e-6:
        raise UserError(f"split {tuple(split)} is not three positive shares of sum 1: try (.7, .15, .15)")
    assigned = np.zeros(len(label), dtype=np.int8)
    counts = np.bincount(label)
    rarest = int(counts.argmin())
    try:
        _, rest = train_test_split(np.arange(len(label)), train_size=split[0], stratify=label, random_state=seed)
        val, test = train_test_split(
            rest, train_size=split[1] / (split[1] + split[2]), stratify=label[rest], random_state=seed
        )
    except ValueError as error:
        raise _too_few(classes[rarest], counts[rarest], split) from error
    assigned[val], assigned[test] = 1, 2
    table = np.stack([np.bincount(label[assigned == s], minlength=len(classes)) for s in range(len(SPLITS))])
    if table.min() < _FEWEST:
        raise _too_few(classes[rarest], counts[rarest], split)
    return assigned


def _too_few(value: Any, count: int, split: Sequence[float]) -> UserError:
    return UserError(
        f"labels: {count} users of class {value!r} are too few to split {'/'.join(f'{s:g}' for s in split)} "
        f"with {_FEWEST} in each part: add users, merge classes or enlarge the smallest share"
    )


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
