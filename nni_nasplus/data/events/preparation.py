"""Prepare events once, for all trials: split, fit on the training users, encode, and store as mapped arrays."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nni_nasplus.data.cache import SPLITS, Cache
from nni_nasplus.data.events.encoder import FORMAT
from nni_nasplus.data.events.fit import Settings, fit_encoder, require_consistent, wanted_of
from nni_nasplus.data.events.labels import Labels, Predicted, split_users
from nni_nasplus.data.events.tables.histories import Histories, require_values, times_of
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import Spool, spool
from nni_nasplus.data.events.write import write_arrays
from nni_nasplus.data.targets import Target
from nni_nasplus.errors import UserError

__all__ = ["prepare"]


def prepare(
    events: str | Path | pd.DataFrame,
    labels: str | Path | pd.DataFrame,
    *,
    id: str,
    time: str,
    target: str | Sequence[str],
    out: str | Path,
    predicted: Predicted = "classes",
    categorical: Sequence[str] = (),
    numeric: Sequence[str] = (),
    ignore: Sequence[str] = (),
    max_length: int = 256,
    seed: int = 0,
    split: tuple[float, float, float] = (0.7, 0.15, 0.15),
    min_count: int = 5,
    drop_unmatched: bool = False,
    progress: bool = True,
) -> Path:
    """Write the cache ``out`` that ``EventDataModule`` reads, and return it; at once where it is ready.

    Parameters
    ----------
    events
        A table of one row per event, in any order: a frame; a CSV file, compressed or not; a Parquet file; a folder of
        such files, as Spark writes; or a pattern such as ``part-*.csv``.
    labels
        A table of one row per user, stored in any of these ways.
    id
        The column of both tables that names the user.
    time
        The column of event times, which are numbers or dates.
    target
        The column of ``labels`` to predict; or several of two values each, of which a user may have any.
    out
        The folder to write.
    predicted
        Whether each value of the target is a class, or it is a number.
    categorical
        The columns to take for categories whatever they look like.
    numeric
        The columns to take for numbers.
    ignore
        The columns to leave out.
    max_length
        Of a longer history the most recent events are kept. No history is longer than the longest of a training user.
    seed
        Fixes the split.
    split
        The shares of training, validation and test users, which are stratified by class.
    min_count
        A category with fewer training events is taken for unknown.
    drop_unmatched
        Whether users without a label or without events are left out; they are an error otherwise.
    progress
        Whether to show a progress bar.

    Returns
    -------
    Path
        The folder ``out``.

    Raises
    ------
    UserError
        If the input is bad, or ``out`` holds something else.
    """
    settings = Settings(
        id=id,
        time=time,
        target=(target,) if isinstance(target, str) else tuple(target),
        predicted=predicted,
        categorical=tuple(sorted(categorical)),
        numeric=tuple(sorted(numeric)),
        ignore=tuple(sorted(ignore)),
        max_length=max_length,
        seed=seed,
        split=split,
        min_count=min_count,
        drop_unmatched=drop_unmatched,
    )
    if max_length < 1:
        raise UserError(f"max_length {max_length} keeps no event: choose 1 or more")
    require_consistent(settings)
    sources = Source(events, "events"), Source(labels, "labels")
    stamp = _stamp(*sources, settings)
    cache = Cache(Path(out), {"format": FORMAT}, stamp, refusal="is no prepared cache", indent=1)
    return cache.prepare(lambda folder: {"users": _build(*sources, settings, folder, progress)})


def _stamp(events: Source, labels: Source, settings: Settings) -> dict[str, Any]:
    """What makes one cache another, as JSON values."""
    arguments = json.loads(json.dumps(asdict(settings)))
    return {"events": events.fingerprint(), "labels": labels.fingerprint(), **arguments}


def _build(events: Source, labels: Source, settings: Settings, folder: Path, progress: bool) -> dict[str, int]:
    """Write arrays and preprocessing into ``folder``; return the users per split."""
    with tempfile.TemporaryDirectory(prefix="raw-", dir=folder) as raw:
        known, spooled = _read(events, labels, settings, Path(raw), progress)
        known, user = known.match(spooled[settings.id], settings.id, settings.drop_unmatched)
        target, label = known.predicted(settings.target, settings.predicted)
        split = split_users(*target.strata(label), settings.split, settings.seed)
        _require_measurable(target, label, split)
        times = times_of(spooled, settings.time)
        histories = Histories.of(user, times, len(label), settings.max_length)
        target = target.fitted(label[split == 0])
        encoder = fit_encoder(spooled, histories.select(split == 0), settings, target)
        encoder.save(folder)
        histories = histories.last(encoder.max_length)
        write_arrays(folder, encoder, spooled, histories, known.ids, target.encoded(label), split, progress)
    return {name: int((split == i).sum()) for i, name in enumerate(SPLITS)}


def _require_measurable(target: Target, label: NDArray[Any], split: NDArray[np.int8]) -> None:
    """Raise ``UserError`` where the users of a split have not what it takes to measure by them."""
    for position, name in enumerate(SPLITS):
        if lack := target.lacking(label[split == position]):
            raise UserError(f"labels: the {name} users are without {lack}: add users, or leave that target out")


def _read(events: Source, labels: Source, settings: Settings, raw: Path, progress: bool) -> tuple[Labels, Spool]:
    """The labels, and the columns of the events in ``raw``; UserError where there are no events, or one has no id."""
    wanted = wanted_of(events, settings)
    known = Labels.read(labels, settings.id, settings.target, raw, settings.predicted)
    spooled = spool(events, wanted, raw, progress)
    if not spooled.rows:
        raise UserError("events: the table is empty: give one row per event")
    require_values(spooled, settings.id)
    return known, spooled
