"""Prepare events once, for all trials: split, fit on the training users, encode, and store as mapped arrays."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nni_nasplus.data.cache import SPLITS, Cache
from nni_nasplus.data.events.encoder import FORMAT
from nni_nasplus.data.events.fit import Settings, fit_encoder, require_consistent, wanted_of, wanted_of_users
from nni_nasplus.data.events.labels import Labels, Predicted
from nni_nasplus.data.events.splits.draw import TEST, TRAIN, VAL, Draw, by_column, by_table, by_time
from nni_nasplus.data.events.splits.folds import GROUPS
from nni_nasplus.data.events.tables.histories import Histories, require_values, times_of
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import Spool, spool
from nni_nasplus.data.events.tables.users import UserColumns
from nni_nasplus.data.events.write import write_arrays
from nni_nasplus.data.targets import Target
from nni_nasplus.errors import UserError

__all__ = ["prepare"]

Table = str | Path | pd.DataFrame
_ROLES = {"labels": "labels", "val_labels": "validation labels", "test_labels": "test labels"}
"""What errors call the tables of labels, by the names of their arguments."""
_SPLIT_OF = {"labels": TRAIN, "val_labels": VAL, "test_labels": TEST}
"""The split of the users of each table, where there are several."""


def prepare(
    events: Table,
    labels: Table,
    *,
    id: str,
    time: str,
    target: str | Sequence[str],
    out: str | Path,
    predicted: Predicted = "classes",
    categorical: Sequence[str] = (),
    numeric: Sequence[str] = (),
    ignore: Sequence[str] = (),
    static: Sequence[str] = (),
    max_length: int = 256,
    seed: int = 0,
    shares: tuple[float, float, float] = (0.7, 0.15, 0.15),
    split: str | None = None,
    groups: str | None = None,
    test_after: str | None = None,
    val_labels: Table | None = None,
    test_labels: Table | None = None,
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
        The columns of the events to leave out.
    static
        Columns of ``labels`` that enter beside the events of each user, encoded as columns of events are.
    max_length
        Of a longer history the most recent events are kept. No history is longer than the longest of a training user.
    seed
        Fixes the split.
    shares
        The shares of training, validation and test users, which are stratified by class.
    split
        The column of ``labels`` that names the split of each user: train, val or test. Where it names no validation
        users, these are drawn from those that train.
    groups
        The column of ``labels`` whose users of one value all fall into the same split.
    test_after
        A date, or a number where times are numbers: users test who have an event on or after it. Validation users are
        drawn from the others, so that no event on or after it is seen in training or validation.
    val_labels, test_labels
        Tables like ``labels`` of the users who validate and who test; ``labels`` has the others then. Without the first
        one validation users are drawn from these.
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
        static=tuple(sorted(static)),
        max_length=max_length,
        seed=seed,
        shares=shares,
        split=split or None,
        groups=groups or None,
        test_after=test_after or None,
        min_count=min_count,
        drop_unmatched=drop_unmatched,
    )
    if max_length < 1:
        raise UserError(f"max_length {max_length} keeps no event: choose 1 or more")
    require_consistent(settings)
    _require_one_split(settings, val_labels, test_labels)
    tables = _Tables.of(events, labels=labels, val_labels=val_labels, test_labels=test_labels)
    cache = Cache(Path(out), {"format": FORMAT}, tables.stamp(settings), refusal="is no prepared cache", indent=1)
    return cache.prepare(lambda folder: _build(tables, settings, folder, progress))


def _require_one_split(settings: Settings, val_labels: Table | None, test_labels: Table | None) -> None:
    """Raise ``UserError`` where two options say how users are split, or there are validation and no test labels."""
    options = {"split": settings.split, "test-after": settings.test_after, "test-labels": test_labels}
    if len(given := [name for name, value in options.items() if value is not None]) > 1:
        raise UserError(f"--{given[0]} and --{given[1]} both say who tests: leave one out")
    if val_labels is not None and test_labels is None:
        raise UserError("--val-labels without --test-labels leaves nobody to test: add --test-labels")


@dataclass(frozen=True)
class _Tables:
    """The table of events, and those of labels by the names of their arguments."""

    events: Source
    labels: Mapping[str, Source]

    @classmethod
    def of(cls, events: Table, **labels: Table | None) -> _Tables:
        """Open the tables that are given."""
        given = {name: Source(table, _ROLES[name]) for name, table in labels.items() if table is not None}
        return cls(Source(events, "events"), given)

    def stamp(self, settings: Settings) -> dict[str, Any]:
        """What makes one cache another, as JSON values."""
        labels = {name: source.fingerprint() for name, source in self.labels.items()}
        return {"events": self.events.fingerprint(), **labels, **json.loads(json.dumps(asdict(settings)))}

    def read_labels(self, settings: Settings, folder: Path) -> dict[str, Labels]:
        """Those of each table."""
        asked = (settings.id, settings.target, folder, settings.predicted)
        return {name: Labels.read(source, *asked) for name, source in self.labels.items()}

    def read_columns(self, settings: Settings, folder: Path) -> UserColumns:
        """The further columns of all tables of labels; each is read as it was in the first one."""
        wanted = wanted_of_users(settings)
        columns = UserColumns()
        for source in self.labels.values() if wanted else ():
            asked = columns.as_read(wanted) if columns.users else wanted
            more = UserColumns.read(source, settings.id, asked, folder)
            columns = columns.joined(more) if columns.users else more
        return columns


@dataclass(frozen=True)
class _Raw:
    """What the tables say of U users who have both a label and events, of which there are N.

    Parameters
    ----------
    labels
        The labels of these users.
    columns
        The further columns of the tables of labels.
    place
        [U] the split of the table that has each user; None where there is one table.
    spooled
        The columns of the events.
    user
        [N] the number of each event's user, or −1 for an event that is left out.
    unmatched
        How many more users have events and no label, and how many a label and no event.
    """

    labels: Labels
    columns: UserColumns
    place: NDArray[np.int8] | None
    spooled: Spool
    user: NDArray[np.int32]
    unmatched: tuple[int, int]

    @classmethod
    def read(cls, tables: _Tables, settings: Settings, folder: Path, progress: bool) -> _Raw:
        """Read all tables into ``folder``; UserError where there are no events, or one has no id."""
        wanted = wanted_of(tables.events, settings)
        parts = tables.read_labels(settings, folder)
        joined = Labels.joined({_ROLES[name]: labels for name, labels in parts.items()}, settings.id)
        columns = tables.read_columns(settings, folder)
        if settings.split:
            by_column(settings.split, columns.texts(settings.split))  # refused before the events are read
        spooled = spool(tables.events, wanted, folder, progress)
        if not spooled.rows:
            raise UserError("events: the table is empty: give one row per event")
        require_values(spooled, settings.id)
        labels, user = joined.match(spooled[settings.id], settings.id, settings.drop_unmatched)
        place = by_table(labels.texts, {_SPLIT_OF[name]: part.texts for name, part in parts.items()})
        known = len(labels.texts)
        unmatched = len(spooled[settings.id].texts) - known, len(joined.texts) - known
        return cls(labels, columns.of(labels.texts), place if len(parts) > 1 else None, spooled, user, unmatched)


def _build(tables: _Tables, settings: Settings, folder: Path, progress: bool) -> dict[str, Any]:
    """Write arrays and preprocessing into ``folder``; return what is to be said of the users."""
    with tempfile.TemporaryDirectory(prefix="raw-", dir=folder) as place:
        raw = _Raw.read(tables, settings, Path(place), progress)
        target, label = raw.labels.predicted(settings.target, settings.predicted)
        times = times_of(raw.spooled, settings.time)
        histories = Histories.of(raw.user, times, len(label), settings.max_length)
        split, how, is_validation_named = _split(raw, settings, histories, label, target)
        target = target.fitted(label[split == TRAIN])
        attributes = raw.columns.only(settings.static)
        _warn_of_leaks(attributes, label, settings.target)
        attributes.spread(raw.spooled, raw.user)
        encoder = fit_encoder(raw.spooled, histories.select(split == TRAIN), attributes, settings, target)
        encoder.save(folder)
        histories = histories.last(encoder.max_length)
        write_arrays(folder, encoder, raw.spooled, histories, raw.labels.ids, target.encoded(label), split, progress)
        if settings.groups:
            np.save(folder / GROUPS, np.unique(raw.columns.texts(settings.groups), return_inverse=True)[1])
    longer = int((np.bincount(raw.user[raw.user >= 0]) > encoder.max_length).sum())
    users = {name: int((split == i).sum()) for i, name in enumerate(SPLITS)}
    return {
        "users": users,
        "split": how,
        "validation_named": is_validation_named,
        "longer": longer,
        "unmatched": list(raw.unmatched),
    }


def _split(
    raw: _Raw, settings: Settings, histories: Histories, label: NDArray[Any], target: Target
) -> tuple[NDArray[np.int8], str, bool]:
    """The split [U] of each user, how it has come about, and whether validation users were named.

    Raises
    ------
    UserError
        If a split cannot be measured by.
    """
    groups = raw.columns.texts(settings.groups) if settings.groups else None
    given, how = _given(raw, settings, histories, groups)
    is_validation_named = given is not None and bool((given == VAL).any())
    if given is not None and not is_validation_named:
        how += ", validation users drawn from the training ones"
    if settings.groups:
        how += f", groups of {settings.groups!r} whole"
    strata, names = target.strata(label)
    alike = given is None or target.kind == "classes"  # of numbers and tags, a given split has the shares that it has
    split = Draw(settings.shares, settings.seed, strata if alike else None, names, groups).split(len(label), given)
    for position, name in enumerate(SPLITS):
        if lack := target.lacking(label[split == position]):
            raise UserError(f"labels: the {name} users are without {lack}: add users, or split otherwise")
    return split, how, is_validation_named


def _given(
    raw: _Raw, settings: Settings, histories: Histories, groups: NDArray[np.str_] | None
) -> tuple[NDArray[np.int8] | None, str]:
    """The split [U] that tables, a column or a date give, None where chance does; and what gives it."""
    if raw.place is not None:
        return raw.place, "by tables"
    if settings.split:
        return by_column(settings.split, raw.columns.texts(settings.split)), f"by column {settings.split!r}"
    if settings.test_after is None:
        return None, "at random"
    time = raw.spooled[settings.time]
    last = time.values[histories.order[histories.offsets[1:] - 1]]
    given = by_time(settings.test_after, last, time, groups)
    return given, f"those with an event on or after {settings.test_after} test"


def _warn_of_leaks(attributes: UserColumns, label: NDArray[Any], targets: Sequence[str]) -> None:
    columns = zip(targets, label.T.reshape(len(targets), -1), strict=True)
    for name, (target, values) in product(attributes.columns, columns):
        if attributes.tells(name, values):
            warnings.warn(
                f"--static {name} tells {target!r} of every user: leave it out unless it is known before {target!r} is",
                UserWarning,
                stacklevel=2,
            )
