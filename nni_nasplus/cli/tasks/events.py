"""``nasplus search --events``: what is predicted of users by their events."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, Literal

from nni_nasplus.cli.tasks.base import Task
from nni_nasplus.cli.tasks.held import held
from nni_nasplus.data.cache import meta_of
from nni_nasplus.data.events.overview import as_text, users_as_text
from nni_nasplus.errors import UserError
from nni_nasplus.training.distillation.settings import Distillation

TYPE_CHECKING = False
"""As in :mod:`typing`, whose own jsonargparse takes for leave to import all that follows, which takes seconds."""
if TYPE_CHECKING:
    import pandas as pd

    from nni_nasplus.data.events.module import EventDataModule
    from nni_nasplus.training.evaluator import Evaluator
    from nni_nasplus.training.events import EventEvaluator

__all__ = ["EventTask", "ReadyEvents"]

CLASS_WEIGHTS = ["none", "balanced"]
_HELD = ("learning_rate", "hidden", "width", "dropout")
"""Hyperparameters that have options of their own."""


@dataclass(frozen=True, kw_only=True)
class EventTask(Task):
    """Predict of users by their events: a class, several labels at once, or a number.

    Parameters
    ----------
    events
        Table of events, CSV or Parquet: a row an event. A file, a folder of part files, or a pattern: 'part*.csv'.
    labels
        Table of labels, CSV or Parquet: a row a user.
    id
        The column of both tables that names the user.
    time
        The column of the events that says when: numbers or dates.
    target
        The column of the labels to predict; or several, comma-separated, of two values each, such as 0 and 1, of which
        a user may have any.
    space
        What to search; one of the installed spaces.
    objective
        What the search optimises on validation users: roc_auc, accuracy, f1, average_precision, brier, quadratic kappa,
        loss, or the import path of a metric of torchmetrics. With rmse, mae or r2 the target is a number; mae lets
        training minimise the absolute error, the others the squared one.
    epochs
        The most passes over the training users; training stops early when it no longer improves. By default 10, or 20
        where there are fewer than 400.
    batch_size
        Users a batch. By default 16 to 128, by how many there are.
    learning_rate
        The peak of the one-cycle schedule; by default it is searched together with the architecture.
    class_weights
        Whether all classes count alike in training (balanced), or all users (none); search tries both.
    fix
        Decisions and hyperparameters to hold, as in --fix '[pooling=last, width=64]'; the others are searched.
    distill
        Let a trial learn from the 3 best architectures before it as well, once 30 trials have finished; in a shorter
        search once a third have, and enough to teach.
    distillation
        The settings of --distill, as in --distillation.n_teachers 3: weight, n_teachers, n_skip (finished trials before
        the first is distilled), loss (mse or kl), temperature (of kl), max_bytes.
    hidden
        Width of attention heads and feed-forward layers; by default it is searched.
    width
        Width of the stream of events, 0 for the sum of the embeddings; by default it is searched.
    dropout
        The rate of dropout, up to 0.5; by default it is searched.
    cells
        Recurrent cells that may take the GRU's place, as in --cells '[lstm, DARTS_V2]': published ones by name, recipes
        or genotypes.
    max_length
        The most recent events of a user that are used.
    categorical
        Columns to treat as categories, comma-separated; the rest is inferred.
    numeric
        Columns to treat as numbers, comma-separated.
    ignore
        Columns of the events to leave out, comma-separated.
    static
        Columns of the labels that enter beside the events of each user, such as age,region; --categorical and --numeric
        hold for them too.
    split
        Column of the labels that says train, val or test of each user. Where it says val of nobody, validation users
        are drawn from the training ones. By default all are drawn, 70, 15 and 15 %, with equal shares of classes.
    groups
        Column of the labels, such as a household: users of the same value are never in different splits.
    test_after
        A date, or a number where times are: users with an event on or after it test. The others train and validate, so
        no event on or after it is seen before the test.
    val_labels
        Table like --labels of the users who validate; without it they are drawn from those of --labels.
    test_labels
        Table like --labels of the users who test; their events are among --events.
    drop_unmatched
        Leave out users without a label or without events, instead of stopping.
    dry_run
        Print what every column is taken for, and stop; nothing is kept.
    """

    data_argument: ClassVar[str] = "cardinalities"
    noun: ClassVar[str] = "tables of events"

    events: str
    labels: str
    id: str
    time: str
    target: str
    space: str = "events"
    objective: str = "roc_auc"
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    class_weights: Literal["none", "balanced", "search"] = "none"
    fix: list[str] | str = field(default_factory=list)
    distill: bool = False
    distillation: dict[str, Any] = field(default_factory=dict)
    hidden: int | None = None
    width: int | None = None
    dropout: float | None = None
    cells: list[str] = field(default_factory=list)
    max_length: int = 256
    categorical: str = ""
    numeric: str = ""
    ignore: str = ""
    static: str = ""
    split: str = ""
    groups: str = ""
    test_after: str = ""
    val_labels: str = ""
    test_labels: str = ""
    drop_unmatched: bool = False
    dry_run: bool = False

    def look(self) -> None:
        """Raise :class:`UserError` if a table cannot be opened, or lacks a column that is named."""
        from nni_nasplus.data.events.tables.source import Source

        labels, events = (
            Source(table, role) for table, role in zip(self.tables()[::-1], ("labels", "events"), strict=True)
        )
        static = _columns(self.static)
        kinds = [name for names in (self.categorical, self.numeric, self.ignore) for name in _columns(names)]
        split = [name for name in (self.split, self.groups) if name]
        labels.require([self.id, *_columns(self.target), *split, *(n for n in static if n not in events.columns)])
        events.require([self.id, self.time, *(name for name in kinds if name not in static)])

    def check(self, trials: int) -> None:
        """Raise :class:`UserError` naming what cannot work, before anything is read or written."""
        from nni_nasplus.training.supervised.metrics import require_measure

        choices = self._choices()
        self.space_class()(**choices)
        evaluator = self._evaluator("")
        require_measure(self.objective, len(_columns(self.target)))
        for name, values in choices.get("hyperparameters", {}).items():
            for value in values:
                evaluator.tuned({name: value})
        self._require_positive("epochs", "batch_size", "learning_rate", "hidden")
        self.settings_of_distillation(trials)

    def prepare(self, cache: Path, seed: int, trials: int) -> tuple[dict[str, Any], Evaluator]:
        """Write the tables into a new folder; the arguments of the space, and the evaluator."""
        from nni_nasplus.data.events.module import EventDataModule
        from nni_nasplus.training.events import schedule_of

        self._write(cache, seed)
        data = EventDataModule(cache)
        self._describe(data)
        given = {"epochs": self.epochs, "batch_size": self.batch_size}
        evaluator = self._evaluator(
            str(cache),
            distillation=self.settings_of_distillation(trials),
            seed=seed,
            **schedule_of(data.sizes["train"]) | {name: value for name, value in given.items() if value is not None},
        )
        return {**data.shape.to_json(), **self._choices()}, evaluator

    def _write(self, cache: Path, seed: int) -> None:
        """Encode and split the tables into a new folder."""
        from nni_nasplus.data.events.preparation import prepare
        from nni_nasplus.training.supervised.metrics import is_of_numbers

        events, labels = self.tables()
        prepare(
            events,
            labels,
            id=self.id,
            time=self.time,
            target=_columns(self.target),
            predicted="number" if is_of_numbers(self.objective) else "classes",
            categorical=_columns(self.categorical),
            numeric=_columns(self.numeric),
            ignore=_columns(self.ignore),
            static=_columns(self.static),
            split=self.split or None,
            groups=self.groups or None,
            test_after=self.test_after or None,
            val_labels=self.val_labels or None,
            test_labels=self.test_labels or None,
            drop_unmatched=self.drop_unmatched,
            max_length=self.max_length,
            out=cache,
            seed=seed,
        )

    def _evaluator(self, cache: str, **arguments: Any) -> EventEvaluator:
        """What trains and scores for the objective."""
        from nni_nasplus.training.events import EventClassification, EventRegression
        from nni_nasplus.training.supervised.metrics import is_of_numbers

        if not is_of_numbers(self.objective):
            weights: Any = "balanced" if self.class_weights == "balanced" else "none"
            return EventClassification(cache, objective=self.objective, class_weights=weights, **arguments)
        if self.class_weights != "none":
            raise UserError("--class-weights has no effect on a number; leave it out")
        return EventRegression(cache, objective=self.objective, **arguments)

    def _choices(self) -> dict[str, Any]:
        """The arguments of the space but those of the data: what is searched and what is held."""
        kind = self.space_class()
        if self.cells and "cells" not in signature(kind).parameters:
            self._refuse_choices(["cells"])
        cells = {"cells": self.cells} if self.cells else {}
        options = {name: getattr(self, name) for name in _HELD}
        if not hasattr(kind, "recommended"):
            given = [name for name, value in options.items() if value is not None]
            self._refuse_choices([*given, *(["fix"] if self.fix else [])])
            return cells
        recommended = kind.recommended()
        weights = {"class_weights": CLASS_WEIGHTS} if self.class_weights == "search" else {}
        hyperparameters = {**recommended["hyperparameters"], **weights}
        return {**recommended, **cells, **held(hyperparameters, options, self.fix)}

    def _refuse_choices(self, given: Sequence[str]) -> None:
        """Name what a space without hyperparameters cannot hold."""
        if given:
            raise UserError(f"--{given[0]} has no effect on space '{self.space}'; leave it out")

    def _describe(self, data: EventDataModule) -> None:
        """Say what every column is taken for, what is predicted, who trains, and what is cut."""
        out = sys.stdout if self.dry_run else sys.stderr
        out.write(as_text(data.encoder.columns))
        out.write(f"{self.target}: {data.target.summary(data.arrays.label)}\n")
        out.write(users_as_text(meta_of(data.cache), data.encoder.max_length))

    def tables(self) -> tuple[str | pd.DataFrame, str | pd.DataFrame]:
        """Events and labels."""
        return self.events, self.labels

    def settings_of_distillation(self, trials: int) -> dict[str, Any] | None:
        """The evaluator's. By default the first distilled trial finds all its teachers, and most trials have some.

        Raises
        ------
        UserError
            If they are wrong, would reach no trial, or are given without --distill.
        """
        if not self.distill:
            if self.distillation:
                raise UserError(f"--distillation.{next(iter(self.distillation))} has no effect; add --distill")
            return None
        return _distillation(self.distillation, trials)


@dataclass(frozen=True, kw_only=True)
class ReadyEvents(EventTask):
    """Events and labels that are in memory, by the names that they are given."""

    ready: tuple[pd.DataFrame, pd.DataFrame]

    def tables(self) -> tuple[str | pd.DataFrame, str | pd.DataFrame]:
        """Events and labels."""
        return self.ready


def _distillation(options: Mapping[str, Any], trials: int) -> dict[str, Any]:
    given = Distillation.of(options)
    default = min(given.n_skip, max(given.n_teachers, trials // 3))
    settings = replace(given, n_skip=options.get("n_skip", default))
    if settings.n_skip >= trials:
        raise UserError(
            f"--distill begins after {settings.n_skip} of {trials} trials and would reach none; "
            "set --distillation.n_skip below --trials"
        )
    return asdict(settings)


def _columns(text: str) -> list[str]:
    """Names between commas; one with a comma in it is quoted, as in CSV."""
    return [name.strip() for row in csv.reader([text], skipinitialspace=True) for name in row if name.strip()]
