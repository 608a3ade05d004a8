"""Frames, series and files as the tables that events are prepared from, and ids and labels as they were written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nni_nasplus.data.events.tables.convert import to_text
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.errors import UserError

__all__ = ["Table", "event_table", "label_table", "spelt", "user_table"]

Table = str | Path | pd.DataFrame
_TARGET = "label"
"""What the labels are called where nobody has named them."""


def event_table(events: Any, *names: str) -> Table:
    """A table of events; ids and times may be levels of the index of a frame.

    Parameters
    ----------
    names
        The columns that the index may hold.

    Raises
    ------
    UserError
        If it is neither a frame nor a path.
    """
    if isinstance(events, str | Path):
        return events
    if not isinstance(events, pd.DataFrame):
        raise UserError(f"events are a {_kind(events)}: give a DataFrame of one row an event, or the path of a table")
    return _from_index(events, names)


def label_table(
    labels: Any, id: str, target: str | Sequence[str] | None, *taken: str, besides: Sequence[str] = ()
) -> tuple[Table, list[str]]:
    """A table of labels, and the names of its targets: those given, or the only column beside the id.

    Parameters
    ----------
    taken
        What a series cannot be called, besides the id.
    besides
        Further columns that are no target.

    Raises
    ------
    UserError
        If it is neither a series nor a frame nor a path, or does not say what the target is.
    """
    targets = [target] if isinstance(target, str) else list(target or ())
    if isinstance(labels, pd.Series):
        if len(targets) > 1:
            raise UserError(f"labels are a Series, and --target names {len(targets)} columns: give a DataFrame")
        return _of_series(labels, id, targets[0] if targets else None, taken)
    if isinstance(labels, pd.DataFrame):
        table = _with_ids(labels, id)
        return table, targets or [_only_column(table, id, besides)]
    if not isinstance(labels, str | Path):
        raise UserError(
            f"labels are a {_kind(labels)}: give a Series indexed by {id}, a DataFrame with a column {id}, or the path "
            "of such a table"
        )
    if not targets:
        raise UserError("labels are in a file: name the column to predict with --target")
    return labels, targets


def user_table(attributes: Any, id: str) -> Table:
    """A table of attributes of users, whose ids may be the index; UserError if it is neither a frame nor a path."""
    if isinstance(attributes, str | Path):
        return attributes
    if not isinstance(attributes, pd.DataFrame):
        raise UserError(
            f"attributes are a {_kind(attributes)}: give a DataFrame of one row a user, or the path of a table"
        )
    return _with_ids(attributes, id, "attributes")


def spelt(values: pd.Series) -> dict[str, Any]:
    """Each different value as it was given, by the text that it is prepared as; of equal texts the first."""
    distinct = values.drop_duplicates().dropna()
    texts: list[str | None] = []
    for batch in Source(distinct.to_frame(_TARGET), "values").batches([_TARGET]):
        codes, spellings = to_text(batch.column(0))
        texts += [spellings[code] for code in codes]
    pairs = zip(texts[::-1], distinct.array[::-1], strict=True)
    return {text: value for text, value in pairs if text is not None}


def _of_series(labels: pd.Series, id: str, target: str | None, taken: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    if labels.index.nlevels > 1:
        raise UserError(f"labels are indexed by {labels.index.nlevels} levels: index them by {id} alone")
    named = target or (_TARGET if labels.name is None else str(labels.name))
    name = _TARGET if named in (id, *taken) else named
    return pd.DataFrame({id: labels.index, name: labels.array}), [name]


def _with_ids(labels: pd.DataFrame, id: str, role: str = "labels") -> pd.DataFrame:
    """A table of users with ids as a column: where it has none, the index holds them, unless it but counts rows."""
    table = _from_index(labels, [id])
    if id in table.columns:
        return table
    counts = labels.index.equals(pd.RangeIndex(len(labels))) and len(table.columns) > 1
    if labels.index.nlevels > 1 or counts:
        raise UserError(f"{role} have no column {id!r}, but {', '.join(map(repr, table.columns))}: name one by --id")
    return table.assign(**{id: labels.index})


def _only_column(table: pd.DataFrame, id: str, besides: Sequence[str]) -> str:
    others = [column for column in table.columns if column not in (id, *besides)]
    if not others:
        raise UserError(f"labels have no column beside {id!r}: add the one to predict")
    if len(others) > 1:
        raise UserError(f"labels have the columns {', '.join(map(repr, others))}: name the one to predict by --target")
    return others[0]


def _from_index(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The frame, whose columns are named by text, with those levels of its index that it lacks as columns."""
    table = frame.set_axis([str(column) for column in frame.columns], axis=1)
    levels = {str(level): number for number, level in enumerate(frame.index.names) if level is not None}
    for name in names:
        if name in levels and name not in table.columns:
            table = table.assign(**{name: frame.index.get_level_values(levels[name])})
    return table.assign(**{str(name): _plain(column) for name, column in table.items()}).reset_index(drop=True)


def _plain(column: pd.Series) -> pd.Series:
    """Periods by their beginnings and durations in seconds: no file has either."""
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    return column.dt.total_seconds() if column.dtype.kind == "m" else column


def _kind(thing: Any) -> str:
    return type(thing).__name__
