"""Prepare events once, for all trials: split, fit on the training users, encode, and store as mapped arrays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from nni_nasplus.data.events.arrays import SPLITS
from nni_nasplus.data.events.encoder import FORMAT
from nni_nasplus.data.events.fit import Settings, fit_encoder, kinds_of
from nni_nasplus.data.events.histories import Histories, require_values, times_of
from nni_nasplus.data.events.labels import Labels, split_users
from nni_nasplus.data.events.source import Source
from nni_nasplus.data.events.spool import spool
from nni_nasplus.data.events.write import write_arrays
from nni_nasplus.errors import UserError

__all__ = ["prepare"]

_META = "meta.json"


def prepare(
    events: str | Path | pd.DataFrame,
    labels: str | Path | pd.DataFrame,
    *,
    id: str,
    time: str,
    target: str,
    out: str | Path,
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

    Args:
        events: CSV (also .gz), Parquet or frame, one row per event in any order.
        labels: likewise, one row per user.
        id: the column of both that names the user.
        time: the column of event times, numbers or ISO 8601.
        target: the column of ``labels`` to predict, each value a class.
        out: the folder to write.
        categorical: columns to take for categories whatever they look like.
        numeric: columns to take for numbers.
        ignore: columns to leave out.
        max_length: keep the most recent events of longer histories, which are cut to the longest of a
            training user too.
        seed: fixes the split.
        split: shares of training, validation and test users, stratified by class.
        min_count: categories with fewer training events are taken for unknown.
        drop_unmatched: leave out users without label or without events.
        progress: show a progress bar.

    Raises:
        UserError: bad input, or ``out`` holds something else.
    """
    settings = Settings(
        id=id,
        time=time,
        target=target,
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
    sources = Source(events, "events"), Source(labels, "labels")
    stamp = _stamp(*sources, settings)
    out = Path(out)
    if _ready(out, stamp):
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(out.parent / f".{out.name}.lock"):
        if not _ready(out, stamp):
            _publish(*sources, settings, stamp, out, progress)
    return out


def _stamp(events: Source, labels: Source, settings: Settings) -> dict[str, Any]:
    """What makes one cache another, as JSON values."""
    arguments = json.loads(json.dumps(asdict(settings)))
    return {"events": events.fingerprint(), "labels": labels.fingerprint(), **arguments}


def _ready(out: Path, stamp: dict[str, Any]) -> bool:
    """Whether ``out`` is this cache; UserError where it is something else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    meta = out / _META
    if not meta.is_file():
        raise UserError(f"{out} exists and is no prepared cache: choose another folder")
    found = json.loads(meta.read_text(encoding="utf-8"))
    if found["format"] != FORMAT:
        raise UserError(f"{out} was prepared by another version: delete it, or choose another folder")
    if other := [k for k in stamp if found["made_from"].get(k) != stamp[k]]:
        raise UserError(f"{out} was prepared from other {', '.join(other)}: delete it, or choose another folder")
    return True


def _publish(
    events: Source, labels: Source, settings: Settings, stamp: dict[str, Any], out: Path, progress: bool
) -> None:
    """Build beside ``out``, under its lock, and rename: a reader finds all or nothing."""
    partial = out.parent / f".{out.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "raw").mkdir(parents=True)
    try:
        sizes = _build(events, labels, settings, partial, progress)
        meta = {"format": FORMAT, "users": sizes, "made_from": stamp}
        (partial / _META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(partial / "raw")
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _build(events: Source, labels: Source, settings: Settings, folder: Path, progress: bool) -> dict[str, int]:
    """Write arrays and preprocessing into ``folder``; return the users per split."""
    kinds = kinds_of(events, settings)
    known = Labels.read(labels, settings.id, settings.target, folder / "raw")
    spooled = spool(events, kinds, folder / "raw", progress)
    if not spooled.rows:
        raise UserError("events: the table is empty: give one row per event")
    require_values(spooled, settings.id)
    known, user = known.match(spooled[settings.id], settings.id, settings.drop_unmatched)
    classes, label = known.classes()
    split = split_users(label, classes, settings.split, settings.seed)
    times = times_of(spooled, settings.time)
    histories = Histories.of(user, times, len(label), settings.max_length)
    train = histories.select(split == 0)
    encoder = fit_encoder(spooled, train, settings, classes)
    histories = histories.last(encoder.max_length)
    encoder.save(folder)
    write_arrays(folder, encoder, spooled, histories, known.ids, label, split, progress)
    return {name: int((split == i).sum()) for i, name in enumerate(SPLITS)}
