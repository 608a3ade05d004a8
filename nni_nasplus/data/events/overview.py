"""What the columns were taken for and which users there are, for people: printed before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nni_nasplus.data.cache import SPLITS

__all__ = ["ColumnSummary", "Taken", "as_text", "users_as_text"]

Taken = Literal["id", "time", "category", "number", "date", "left out"]


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


def users_as_text(said: Mapping[str, Any], max_length: int) -> str:
    """A line of how many users train, validate and test and why these, and one each where users are left out and where
    histories are cut.

    Parameters
    ----------
    said
        What ``prepare`` has told of the users in ``meta.json``.
    max_length
        The number of events that are kept of a user.
    """
    train, val, test = (f"{said['users'][split]:,}" for split in SPLITS)
    lines = [f"users: {train} train, {val} validate, {test} test: {said['split']}"]
    if any(said["unmatched"]):
        without_label, without_event = said["unmatched"]
        lines.append(f"left out: {without_label:,} users without a label, {without_event:,} without an event")
    if said["longer"]:
        cut = f"{said['longer']:,} of {sum(said['users'].values()):,} users have more than {max_length:,} events"
        is_asked = max_length == said["made_from"]["max_length"]
        why = "--max-length" if is_asked else "as many as a training user has at the most"
        lines.append(f"{cut}; their last {max_length:,} are used ({why})")
    return "\n".join(lines) + "\n"
