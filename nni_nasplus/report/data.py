"""What was searched, and on what: the space, and the data as they were read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule

from nni_nasplus.data.cache import SPLITS, meta_of
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.data.events.overview import users_as_text
from nni_nasplus.data.images import ImageDataModule
from nni_nasplus.data.targets import Classes, Number, Tags, Target
from nni_nasplus.data.text import TextDataModule
from nni_nasplus.data.text.vocabulary import UNKNOWN
from nni_nasplus.report.findings import Findings
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.summary import size_in_words

__all__ = ["data", "data_of"]

_LISTED = 60
"""Classes or columns in a table; of more a person reads none."""
_SPLITS = ("training", "validation", "test")
"""What the splits are called here."""
Table = dict[str, Any]
"""``title``, ``head``, ``rows`` of cells, the first of which names the row, whether each column is ``numeric``, and
``rest``, how many more rows there are."""


def data(findings: Findings) -> dict[str, Any]:
    """The settings of the search, and sentences and tables about the data; UserError where these are not there."""
    findings.run.require_whole()
    module = data_of(findings)
    sentences, tables = next((tell(module) for kind, tell in _TOLD.items() if isinstance(module, kind)), ([], []))
    return {"settings": list(_settings(findings)), "sentences": sentences, "tables": tables}


def data_of(findings: Findings) -> LightningDataModule | None:
    """The data; None where an evaluator of somebody's own has no data module."""
    try:
        return findings.run.evaluator.data()
    except NotImplementedError:
        return None


def _settings(findings: Findings) -> Iterator[tuple[str, str]]:
    settings, space = findings.run.settings, findings.history.space
    yield "space", f"{settings.space['class_path'].rpartition('.')[2]}: {size_in_words(space)}"
    options = ", ".join(f"{name} {value}" for name, value in sorted(settings.strategy_options.items()))
    yield "strategy", f"{settings.strategy}{f' ({options})' if options else ''}, seed {settings.seed}"
    yield "objective", f"{settings.objective}; {'higher' if findings.sign > 0 else 'lower'} is better"
    limits = {name: value for name, value in vars(settings.limits).items() if value is not None}
    if limits:
        yield "limits", ", ".join(f"{name} {value:g}" for name, value in limits.items())
    epochs = settings.evaluator.get("init_args", {}).get("epochs")
    yield "budget", _bounds(settings) + (f" of at most {epochs} epoch{'s' if epochs > 1 else ''}" if epochs else "")


def _bounds(settings: Settings) -> str:
    trials = "trials" if math.isinf(settings.most_trials) else f"{settings.most_trials} trials"
    return trials if settings.minutes is None else f"{settings.minutes:g} minutes of {trials}"


def _events(module: EventDataModule) -> tuple[list[str], list[Table]]:
    meta, target, labels = meta_of(module.cache), module.target, module.arrays.label
    lengths = np.diff(module.arrays.offsets)
    users = [line for line in users_as_text(meta, module.encoder.max_length).splitlines() if line]
    events = f"{lengths.sum():,} events are read, {_spread(lengths)}"
    sentences = [f"{_predicted(target)}: {target.summary(labels)}"]
    tables = [_columns(module)]
    if isinstance(target, Classes):
        counts = [np.bincount(labels[module.arrays.rows(split)], minlength=len(target.values)) for split in SPLITS]
        tables.append(_classes(target.values, counts, "users"))
    elif isinstance(target, Tags):
        counts = [labels[module.arrays.rows(split)].sum(0).astype(int) for split in SPLITS]
        tables.append(_classes(target.columns, counts, "users with"))
    return [*sentences, *users, events], tables


def _spread(lengths: NDArray[np.int64]) -> str:
    least, most = lengths.min(), lengths.max()
    middle = f"{np.median(lengths):,.0f} in the middle"
    return f"{least:,} of each user" if least == most else f"{least:,} to {most:,} of a user, {middle}"


def _predicted(target: Target) -> str:
    names = target.names if isinstance(target, (Number, Tags)) else [getattr(target, "name", "target")]
    return ", ".join(map(str, names[:_LISTED]))


def _columns(module: EventDataModule) -> Table:
    rows = [
        (
            column.name or "''",
            column.taken,
            "" if column.taken == "left out" else f"{column.missing:,}",
            f"{column.unreadable:,}" if column.unreadable else "",
            "" if column.levels is None else f"{column.levels:,}",
            column.note,
        )
        for column in module.encoder.columns
    ]
    return _table("Columns", ("column", "taken for", "missing", "unreadable", "levels", "note"), rows)


def _images(module: ImageDataModule) -> tuple[list[str], list[Table]]:
    arrays, classes = module.arrays, module.encoder.classes
    counts = [np.bincount(arrays.label[arrays.rows(split)], minlength=len(classes)) for split in SPLITS]
    count, height, width, channels = arrays.images.shape
    train, val, test = (f"{part.sum():,}" for part in counts)
    colour = "grey" if channels == 1 else f"{channels} channels"
    sentences = [
        f"{count:,} images of {height}×{width} pixels, {colour}"
        + (", brought to that size" if module.encoder.resized else ""),
        f"images: {train} train, {val} validate, {test} test",
    ]
    return sentences, [_classes(classes, counts, "images")]


def _text(module: TextDataModule) -> tuple[list[str], list[Table]]:
    rows = [
        (
            _SPLITS[SPLITS.index(split)],
            f"{len(ids):,}",
            f"{(np.asarray(ids) == 0).mean():.1%}",
            f"{len(np.unique(ids)):,}",
        )
        for split, ids in module.ids.items()
    ]
    vocabulary = module.vocabulary
    sentences = [f"{len(vocabulary):,} {vocabulary.level}s are known; any other is {UNKNOWN}"]
    return sentences, [_table("Tokens", ("split", "tokens", UNKNOWN, "different"), rows)]


def _classes(names: Sequence[Any], counts: Sequence[Any], noun: str) -> Table:
    totals = [max(1, int(part.sum())) for part in counts]
    rows = [
        (str(name), *(f"{part[i]:,} ({part[i] / total:.0%})" for part, total in zip(counts, totals, strict=True)))
        for i, name in enumerate(names)
    ]
    return _table(f"Classes, {noun} in each split", ("class", *_SPLITS), rows)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Without columns that have nothing to say."""
    kept = [i for i, _ in enumerate(head) if any(row[i] for row in rows)]
    shown = [[row[i] for i in kept] for row in rows[:_LISTED]]
    numeric = [all(row[i][:1].isdigit() for row in rows if row[i]) for i in kept]
    head = [head[i] for i in kept]
    return {"title": title, "head": head, "rows": shown, "numeric": numeric, "rest": len(rows) - len(shown)}


_TOLD: dict[type[LightningDataModule], Callable[[Any], tuple[list[str], list[Table]]]] = {
    EventDataModule: _events,
    ImageDataModule: _images,
    TextDataModule: _text,
}
