"""Fit the encoding of every column to the training users' kept events."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np

from nni_nasplus.data.events.clock import Clock
from nni_nasplus.data.events.columns import CategoricalColumn, NumericColumn, fit_column
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.tables.histories import Histories
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import Asked, RawColumn, Spool

__all__ = ["Settings", "fit_encoder", "kinds_of"]


@dataclass(frozen=True)
class Settings:
    """The arguments of ``prepare`` that its result depends on."""

    id: str
    time: str
    target: str
    categorical: tuple[str, ...]
    numeric: tuple[str, ...]
    ignore: tuple[str, ...]
    max_length: int
    seed: int
    split: tuple[float, float, float]
    min_count: int
    drop_unmatched: bool


def kinds_of(events: Source, settings: Settings) -> dict[str, Asked]:
    """The columns to read and what is asked of each; ``UserError`` is raised where one that is named is missing."""
    named = (settings.id, settings.time, *settings.categorical, *settings.numeric, *settings.ignore)
    events.require(named)
    kinds: dict[str, Asked] = {name: "any" for name in events.columns if name not in settings.ignore}
    if kinds.pop(settings.target, None):
        _warn(f"events: column {settings.target!r} is the target and is left out")
    kinds.update(dict.fromkeys(settings.categorical, "text"))
    kinds.update(dict.fromkeys(settings.numeric, "number"))
    return {**kinds, settings.id: "text", settings.time: "time"}


def fit_encoder(spooled: Spool, train: Histories, settings: Settings, classes: Sequence[Any]) -> EventEncoder:
    """Fit to the training users; a column of one value is left out with a warning."""
    columns = _fit_columns(spooled, train, settings)
    time = spooled[settings.time]
    kind = cast(Literal["number", "seconds"], time.kind)
    return EventEncoder(
        id=settings.id,
        clock=Clock.fit(settings.time, kind, time.values[train.order], train.first),
        categorical=tuple(c for c in columns if isinstance(c, CategoricalColumn)),
        numeric=tuple(c for c in columns if isinstance(c, NumericColumn)),
        classes=tuple(classes),
        max_length=int(train.lengths.max()),
    )


def _fit_columns(spooled: Spool, train: Histories, settings: Settings) -> list[CategoricalColumn | NumericColumn]:
    columns = []
    for name in sorted(set(spooled.names) - {settings.id, settings.time}):
        raw = spooled[name].take(train.order)
        column = fit_column(name, raw, name in settings.categorical, name in settings.numeric, settings.min_count)
        if _is_constant(column, raw):
            _warn(f"column {name!r} has one value only, or none, in the training events: left out")
        else:
            columns.append(column)
    return columns


def _is_constant(column: CategoricalColumn | NumericColumn, raw: RawColumn) -> bool:
    encoded = column.encode(replace(raw, values=np.unique(raw.values)))
    return bool((encoded == encoded[0]).all())


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=2)
