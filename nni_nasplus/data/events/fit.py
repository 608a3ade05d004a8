"""Fit the encoding of every column to the training users' kept events."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np

from nni_nasplus.data.events.clock import Clock
from nni_nasplus.data.events.columns import CategoricalColumn, NumericColumn, fit_column
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.labels import Predicted
from nni_nasplus.data.events.overview import ColumnSummary
from nni_nasplus.data.events.tables.column import ColumnReader, Wanted
from nni_nasplus.data.events.tables.histories import Histories
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import RawColumn, Spool
from nni_nasplus.data.events.tables.users import UserColumns
from nni_nasplus.data.targets import Target
from nni_nasplus.errors import UserError

__all__ = ["Settings", "fit_encoder", "require_consistent", "wanted_of", "wanted_of_users"]

_UNNAMED = re.compile(r"|Unnamed: ?\d+(\.\d+)?|index|level_\d+")
"""Names of an index where a frame is written or read again; R writes none above its row names."""
_TAIL = 0.01
"""The share of times at either end that is not counted among most."""
_FAR = 100
"""How much longer all times last than most of them where the others are taken for mistakes, such as 9999-12-31."""


@dataclass(frozen=True)
class Settings:
    """The arguments of ``prepare`` that its result depends on."""

    id: str
    time: str
    target: tuple[str, ...]
    predicted: Predicted
    categorical: tuple[str, ...]
    numeric: tuple[str, ...]
    ignore: tuple[str, ...]
    static: tuple[str, ...]
    max_length: int
    seed: int
    shares: tuple[float, float, float]
    split: str | None
    groups: str | None
    test_after: str | None
    min_count: int
    drop_unmatched: bool


def require_consistent(settings: Settings) -> None:
    """Raise ``UserError`` where a column is named twice, so that one option has no effect, or two as a number."""
    if settings.predicted == "number" and len(settings.target) > 1:
        raise UserError(f"--target names {len(settings.target)} columns, and one number is predicted: leave one")
    both = {"id": (settings.id,), "target": settings.target}
    of_events = {"time": (settings.time,), **_named(settings, "categorical", "numeric", "ignore")}
    split = {name: (value,) for name, value in (("split", settings.split), ("groups", settings.groups)) if value}
    _require_once({**both, **of_events})
    _require_once({**both, **_named(settings, "static"), **split})


def _named(settings: Settings, *options: str) -> dict[str, tuple[str, ...]]:
    return {option: getattr(settings, option) for option in options}


def _require_once(named: Mapping[str, tuple[str, ...]]) -> None:
    seen: dict[str, str] = {}
    for option, columns in named.items():
        for name in columns:
            before = seen.setdefault(name, option)
            if before != option or columns.count(name) > 1:
                twice = f"--{before} and --{option}" if before != option else f"--{option} twice"
                raise UserError(f"column {name!r} is named by {twice}: leave one out")


def wanted_of(events: Source, settings: Settings) -> dict[str, Wanted]:
    """The columns of the events to read and what is asked of each.

    Raises
    ------
    UserError
        If one that is named is missing, or has the name of a static one.
    """
    named = (*settings.categorical, *settings.numeric, *settings.ignore)
    events.require((settings.id, settings.time, *(name for name in named if name not in settings.static)))
    wanted = {name: Wanted() for name in events.columns if name not in (*settings.ignore, *settings.target)}
    if both := [name for name in settings.static if name in wanted]:
        raise UserError(
            f"--static {both[0]} is a column of the events too: rename one, or leave that of the events out by --ignore"
        )
    for name in settings.target:
        if name in events.columns:
            _warn(f"events: column {name!r} is the target and is left out")
    asked = {name: kind for name, kind in _asked(settings).items() if name not in settings.static}
    return {**wanted, **asked, settings.id: Wanted("text"), settings.time: Wanted("time", complete=True)}


def wanted_of_users(settings: Settings) -> dict[str, Wanted]:
    """The further columns of the labels to read and what is asked of each."""
    names = [name for name in (settings.split, settings.groups) if name]
    asked = _asked(settings)
    static = {name: asked.get(name, Wanted()) for name in settings.static}
    return {**static, **dict.fromkeys(names, Wanted("text", complete=True))}


def _asked(settings: Settings) -> dict[str, Wanted]:
    return {**dict.fromkeys(settings.categorical, Wanted("text")), **dict.fromkeys(settings.numeric, Wanted("number"))}


def fit_encoder(
    spooled: Spool, train: Histories, attributes: UserColumns, settings: Settings, target: Target
) -> EventEncoder:
    """Fit to the training users; a column that tells nothing is left out with a warning.

    Parameters
    ----------
    spooled
        The columns of the events, and those of their users beside them.
    train
        The events of the training users.
    attributes
        The static columns of all users.
    settings, target
        The arguments of ``prepare``, and what is predicted.
    """
    fitted = _fit_columns(spooled, train, settings)
    time = spooled[settings.time]
    kind = cast(Literal["number", "seconds"], time.kind)
    _hint_at_far_times(spooled, settings.time)
    columns = [column for column in fitted.values() if not isinstance(column, str)]
    return EventEncoder(
        id=settings.id,
        clock=Clock.fit(settings.time, kind, time.values[train.order], train.first, time.style),
        categorical=tuple(c for c in columns if isinstance(c, CategoricalColumn)),
        numeric=tuple(c for c in columns if isinstance(c, NumericColumn)),
        target=target,
        max_length=int(train.lengths.max()),
        columns=tuple(_summaries(spooled, attributes, settings, fitted)),
        static=tuple(column.name for column in columns if column.name in settings.static),
    )


def _fit_columns(
    spooled: Spool, train: Histories, settings: Settings
) -> dict[str, CategoricalColumn | NumericColumn | str]:
    """The encoding of each column, or why it is left out, which a warning says too."""
    fitted: dict[str, CategoricalColumn | NumericColumn | str] = {}
    for name in sorted(set(spooled.columns) - {settings.id, settings.time}):
        is_static = name in settings.static
        raw = spooled[name].take(train.order[train.first] if is_static else train.order)
        is_number = name in settings.numeric or (is_static and _measures(raw, settings.min_count))
        column = fit_column(name, raw, name in settings.categorical, is_number, settings.min_count)
        reason = _uninformative(column, raw, settings.min_count, "training users" if is_static else "training events")
        if name not in (*settings.numeric, *settings.static) and _counts_rows(name, spooled[name]):
            reason = "numbers the rows"
        if reason:
            _warn(f"column {name!r} {reason}: left out")
        fitted[name] = reason or column
    return fitted


def _measures(raw: RawColumn, min_count: int) -> bool:
    """Whether numbers of users are none of categories: of few users there are few ages, too, but most of them rare."""
    return raw.kind == "number" and len(np.unique(raw.values)) * min_count > len(raw.values)


def _uninformative(column: CategoricalColumn | NumericColumn, raw: RawColumn, min_count: int, where: str) -> str:
    """Why an encoded column is the same in all events or users; "" where it is not."""
    seen = np.unique(raw.values)
    encoded = column.encode(replace(raw, values=seen))
    if (encoded != encoded[0]).any():
        return ""
    if len(seen) > 1:
        return f"has no value that occurs {min_count} times in the {where}"
    return f"has one value only, or none, in the {where}"


def _counts_rows(name: str, raw: RawColumn) -> bool:
    """Whether a column without a name is the index of a frame, or the row names of R."""
    if not _UNNAMED.fullmatch(name) or raw.kind != "number" or np.isnan(raw.values).any():
        return False
    steps = np.diff(raw.values)
    return bool(((steps == 1) | (raw.values[1:] == raw.values[0])).all()) or len(np.unique(raw.values)) == len(
        raw.values
    )


def _summaries(
    spooled: Spool,
    attributes: UserColumns,
    settings: Settings,
    fitted: Mapping[str, CategoricalColumn | NumericColumn | str],
) -> Iterator[ColumnSummary]:
    """What became of each column of the events, and of each static one."""
    for name in spooled.source.columns:
        if name in (*settings.ignore, *settings.target):
            yield ColumnSummary(name, "left out", note="the target" if name in settings.target else "ignored")
        else:
            yield _summary(spooled[name], spooled.columns[name], settings, fitted.get(name))
    for name, column in attributes.columns.items():
        one = _summary(column, attributes.readers[name], settings, fitted[name])
        yield replace(one, note=f"static; {one.note}" if one.note else "static")


def _summary(
    raw: RawColumn, reader: ColumnReader, settings: Settings, fitted: CategoricalColumn | NumericColumn | str | None
) -> ColumnSummary:
    name, note = reader.name, "; ".join(reader.notes)
    missing = int(np.isnan(raw.values).sum())
    unreadable = reader.strays.count if raw.kind != "text" else 0
    if isinstance(fitted, CategoricalColumn):
        return ColumnSummary(name, "category", missing, levels=len(fitted.values), note=note)
    if isinstance(fitted, NumericColumn):
        return ColumnSummary(name, "date" if raw.kind == "seconds" else "number", missing, unreadable, note=note)
    if fitted is not None:
        return ColumnSummary(name, "left out", missing, unreadable, note=fitted)
    if name == settings.id:
        return ColumnSummary(name, "id")
    return ColumnSummary(name, "time", note="dates" if raw.kind == "seconds" else "numbers")


def _hint_at_far_times(spooled: Spool, name: str) -> None:
    """Tell of few times that lie far from the others: beside their span that of the others is nothing."""
    raw = spooled[name]
    low, middle, high = np.quantile(raw.values, (_TAIL, 0.5, 1 - _TAIL), method="nearest")
    if high > low and raw.values.max() - raw.values.min() > _FAR * (high - low):
        row = int(np.abs(raw.values - middle).argmax())
        value = spooled.source.spelling(name, row) or _as_time(raw, row)
        _warn(
            f"events: row {row + 1} of column {name!r} is {value}, far from most others, which lie within "
            f"{_as_span(raw, high - low)}: mend or drop it if it is no real time"
        )


def _as_time(raw: RawColumn, row: int) -> str:
    value = raw.values[row]
    return str(np.datetime64(int(value), "s")) if raw.kind == "seconds" else f"{value:g}"


def _as_span(raw: RawColumn, span: float) -> str:
    return f"{span / 86_400:.3g} days" if raw.kind == "seconds" else f"{span:g}"


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=2)
