"""What the columns were taken for and which users there are, for people: printed before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.cache import SPLITS

__all__ = ["ColumnSummary", "Taken", "as_text", "classes_as_text", "users_as_text"]

Taken = Literal["id", "time", "category", "number", "date", "left out"]
_SHOWN = 10
"""Classes that are named: more of them fill the screen."""


@dataclass(frozen=True)
class ColumnSummary:
    """What became of a column.

    Parameters
    ----------
    name
        The column.
    taken
        What it was taken for.
    missing
        In how many rows it has no value.
    unreadable
        How many of these hold something that is no number or date.
    levels
        How many different values are kept of a category; None of other columns.
    note
        Why it is left out, or what was assumed of it.
    """

    name: str
    taken: Taken
    missing: int = 0
    unreadable: int = 0
    levels: int | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def as_text(columns: Sequence[ColumnSummary]) -> str:
    """A line a column: what it was taken for, its missing values, its levels, and what else is to know."""
    rows = [("column", "taken for", "missing", "levels", "")]
    for c in columns:
        levels = "" if c.levels is None else f"{c.levels:,}"
        rows.append((c.name or "''", c.taken, f"{c.missing:,}" if c.taken != "left out" else "", levels, c.note))
    width = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        f"{name:<{width[0]}}  {taken:<{width[1]}}  {missing:>{width[2]}}  {levels:>{width[3]}}  {note}".rstrip()
        for name, taken, missing, levels, note in rows
    ]
    return "\n".join(lines) + "\n"


def classes_as_text(target: str, classes: Sequence[Any], label: NDArray[np.int64]) -> str:
    """A line of the classes, and the share of the users [U] that each has."""
    shares = np.bincount(label, minlength=len(classes)) / len(label)
    shown = [f"{name} {_percent(share)}" for name, share in zip(classes[:_SHOWN], shares, strict=False)]
    more = ["…"] if len(classes) > _SHOWN else []
    return f"{target}: {len(classes)} classes: {', '.join([*shown, *more])}\n"


def users_as_text(said: Mapping[str, Any], max_length: int) -> str:
    """A line of how many users train, validate and test and why these, and one where histories are cut.

    Parameters
    ----------
    said
        What ``prepare`` has told of the users in ``meta.json``.
    max_length
        The number of events that are kept of a user.
    """
    train, val, test = (f"{said['users'][split]:,}" for split in SPLITS)
    lines = [f"users: {train} train, {val} validate, {test} test: {said['split']}"]
    if said["longer"]:
        cut = f"{said['longer']:,} of {sum(said['users'].values()):,} users have more than {max_length:,} events"
        is_asked = max_length == said["made_from"]["max_length"]
        why = "--max-length" if is_asked else "as many as a training user has at the most"
        lines.append(f"{cut}; their last {max_length:,} are used ({why})")
    return "\n".join(lines) + "\n"


def _percent(share: float) -> str:
    """Whole percents, or one digit of less than one."""
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1g} %"
