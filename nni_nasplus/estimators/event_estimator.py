"""What estimators of users by their events share: how they are searched for, and what new events are asked of."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from nni_nasplus import registry
from nni_nasplus.data.cache import meta_of
from nni_nasplus.data.events.batch import EventShape
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.labels import Predicted
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.data.events.overview import users_as_text
from nni_nasplus.data.events.preparation import prepare
from nni_nasplus.errors import UserError
from nni_nasplus.estimators.base import SearchingEstimator, chosen, plain, well_typed
from nni_nasplus.estimators.scoring import labelled
from nni_nasplus.estimators.tables import Table, event_table, label_table, spelt, user_table
from nni_nasplus.estimators.wording import in_python
from nni_nasplus.registry import described
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.events import EventEvaluator, schedule_of
from nni_nasplus.training.supervised.metrics import require_measure

if TYPE_CHECKING:
    from typing import Self

__all__ = ["EventEstimator"]

_OF_DATA = [field.name for field in fields(EventShape)]
"""The arguments of a space that the data give."""


class EventEstimator(SearchingEstimator):
    """Search for a network that says something of users by their events, and be that network; a subclass says what.

    ``fit`` splits the users into those that networks are trained on, those that the search compares networks by, and
    those that it never sees, as ``nasplus search`` does.

    Parameters
    ----------
    id
        The column of the events that names the user; a level of the index will do.
    time
        The column of the events that says when, as numbers or dates; a level of the index will do.
    target
        The column of the labels to predict, where they are a frame with several, or a file; a classifier also takes a
        list of columns of two values each, such as 0 and 1, of which a user may have any.
    trials
        Architectures to train; where None, 20, or with minutes as many as fit.
    minutes
        How long the search may take, without what follows its last trial; where None, until all trials have ended.
    strategy, strategy_options
        How to search: thompson, evolution, random or another installed strategy, and its own settings.
    objective
        What the search optimises on validation users: of classes roc_auc (where None), accuracy, f1, average_precision,
        brier, quadratic kappa or loss; of numbers rmse (where None), mae, r2 or loss; or the import path of a metric of
        torchmetrics.
    epochs
        The most passes over the training users; training stops early when it no longer improves. Where None, 10, or 20
        where there are few users.
    max_length
        The most recent events of a user that are used.
    categorical, numeric, ignore
        Columns of the events to treat as categories, to treat as numbers, and to leave out; the rest is inferred.
    static
        Columns of the labels that enter beside the events of each user, such as ``("age", "region")``.
    split
        Column of the labels that says train, val or test of each user; validation users are drawn from the training
        ones where it says val of nobody. Where None, all are drawn, 70, 15 and 15 %.
    groups
        Column of the labels whose users of the same value are never in different splits.
    test_after
        A date, or a number where times are: users with an event on or after it test, and the others train and validate.
    drop_unmatched
        Leave out users without a label or without events, instead of stopping.
    folds
        Into how many folds the users who train and validate are divided for what is answered with, of which each
        network is then as many, trained without another fold; 0 for none, auto for five where users are few.
    network
        Further arguments of the networks' space, such as ``{"fixed": {"hidden": 64}, "cells": ["lstm"]}``; by default
        its hyperparameters are searched too, as the command does.
    training
        Further arguments of the evaluator, such as ``{"batch_size": 64, "learning_rate": 0.01}``.
    search
        Further settings of the search, such as ``{"max_parameters": 1e6, "initial": ["01|1|agc1|44,12|00"]}``.
    host
        What runs the trials: nni or optuna, or another installed host; where None, this process, one at a time.
    out
        A directory to keep the search in, for ``nasplus show`` and the like. A further ``fit`` with the same data and
        parameters goes on with what is there, also after an interruption, and takes it as it is if it is complete;
        with more trials it adds them.
    random_state
        Fixes split, search and training: a number, a generator of NumPy's to draw one from, or None for any.
    verbose
        Whether to show on standard error how the search goes.
    """

    _evaluator: ClassVar[type[EventEvaluator]]
    """What trains and scores."""
    _predicted: ClassVar[Predicted]
    """What a target is taken for."""

    def __init__(
        self,
        *,
        id: str = "id",
        time: str = "time",
        target: str | Sequence[str] | None = None,
        trials: int | None = None,
        minutes: float | None = None,
        strategy: str = "thompson",
        strategy_options: Mapping[str, Any] | None = None,
        objective: str | None = None,
        epochs: int | None = None,
        max_length: int = 256,
        categorical: Sequence[str] = (),
        numeric: Sequence[str] = (),
        ignore: Sequence[str] = (),
        static: Sequence[str] = (),
        split: str | None = None,
        groups: str | None = None,
        test_after: Any = None,
        drop_unmatched: bool = False,
        folds: int | Literal["auto"] = "auto",
        network: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        search: Mapping[str, Any] | None = None,
        host: str | None = None,
        out: str | Path | None = None,
        random_state: Any = 0,
        verbose: bool = True,
    ) -> None:
        self.id = id
        self.time = time
        self.target = target
        self.trials = trials
        self.minutes = minutes
        self.strategy = strategy
        self.strategy_options = strategy_options
        self.objective = objective
        self.epochs = epochs
        self.max_length = max_length
        self.categorical = categorical
        self.numeric = numeric
        self.ignore = ignore
        self.static = static
        self.split = split
        self.groups = groups
        self.test_after = test_after
        self.drop_unmatched = drop_unmatched
        self.folds = folds
        self.network = network
        self.training = training
        self.search = search
        self.host = host
        self.out = out
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, events: Any, labels: Any) -> Self:
        """Search for a network.

        Parameters
        ----------
        events
            A frame of one row an event, in any order, or the path of such a table: CSV or Parquet, a folder of part
            files, or a pattern.
        labels
            A series indexed by users' ids; a frame with the ids, as a column or as its index, and the target; or the
            path of such a table.

        Returns
        -------
        The estimator.

        Raises
        ------
        UserError
            If the data or a parameter is bad, ``out`` holds a search of other data or parameters, or no trial succeeds.
        """
        with in_python(is_kept=self.out is not None):
            id, time = str(self.id), str(self.time)
            table = event_table(events, id, time)
            known, self._targets = label_table(labels, id, self.target, time, besides=self._beside_target())
            require_measure(self._objective, len(self._targets))
            seed = self._seed()
            self._search(lambda cache: self._prepared(cache, table, known, seed), seed, folds=plain(self.folds))
        self._learn(known)
        of_events = self._encoder.columns[: len(self._encoder.columns) - len(_names(self.static))]
        self.feature_names_in_ = pd.Index([column.name for column in of_events], dtype=object).to_numpy()
        self.n_features_in_ = len(self.feature_names_in_)
        return self

    @abstractmethod
    def _learn(self, labels: Table) -> None:
        """Remember of the labels what answers are to look like."""

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn that what it takes is a table of events, no array of rows."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.categorical = tags.input_tags.string = tags.input_tags.allow_nan = True
        tags.no_validation = True
        return tags

    def _prepared(self, cache: Path, events: Table, labels: Table, seed: int) -> tuple[dict[str, Any], Evaluator]:
        """The data in a folder, the space over their sizes, and what trains on them."""
        space = registry.load("spaces", "events")
        network = chosen("network", self.network, signature(space).parameters, besides=_OF_DATA)
        training = self._chosen_training(seed)
        well_typed(self._evaluator(str(cache), **training))
        prepare(
            events,
            labels,
            id=str(self.id),
            time=str(self.time),
            target=self._targets,
            predicted=self._predicted,
            categorical=_names(self.categorical),
            numeric=_names(self.numeric),
            ignore=_names(self.ignore),
            static=_names(self.static),
            split=_name(self.split),
            groups=_name(self.groups),
            test_after=_name(self.test_after),
            drop_unmatched=self.drop_unmatched,
            max_length=_whole("max_length", self.max_length),
            out=cache,
            seed=seed,
            progress=bool(self.verbose),
        )
        data = EventDataModule(cache)
        if self.verbose:
            sys.stderr.write(users_as_text(meta_of(cache), data.encoder.max_length))
        evaluator = self._evaluator(str(cache), **{**schedule_of(data.sizes["train"]), **training})
        return described(space, {**data.shape.to_json(), **space.recommended(), **network}), evaluator

    @property
    def _objective(self) -> str:
        return self._evaluator.objective if self.objective is None else self.objective

    @property
    def _encoder(self) -> EventEncoder:
        encoder = self.model_.preprocessing
        assert isinstance(encoder, EventEncoder)
        return encoder

    def _chosen_training(self, seed: int) -> dict[str, Any]:
        """The arguments of the evaluator, none of which may be zero or less."""
        epochs = {} if self.epochs is None else {"epochs": self.epochs}
        training = self._training(self._evaluator, {"objective": self._objective, **epochs}, seed)
        for name, value in {**training, "seed": 1, "max_length": self.max_length}.items():
            if isinstance(value, Real) and value <= 0:
                raise UserError(f"{name} is {value}; use more than 0")
        return training

    def _answers(
        self, events: Any, attributes: Any, *, complete: bool = True
    ) -> tuple[Table, pd.Series, NDArray[np.float32]]:
        """The table of the events, the ids [U], and what is answered [U, C], by the model's own order."""
        check_is_fitted(self)
        with in_python(is_kept=False):
            table = event_table(events, self._encoder.id, self._encoder.clock.name)
            answers = self.model_.predict(table, attributes=self._attributes(attributes), complete=complete)
        return table, answers.pop(self._encoder.id), answers.to_numpy()

    def _attributes(self, attributes: Any) -> Table | None:
        """The table of the users' attributes, whose ids may be an index."""
        static = self._encoder.static
        if attributes is not None:
            return user_table(attributes, self._encoder.id)
        if static:
            names = ", ".join(map(repr, static))
            raise UserError(f"the network reads {names} of each user too: give a table of the users as attributes")
        return None

    def _beside_target(self) -> list[str]:
        """Columns of the labels that are no target."""
        return [*_names(self.static), *(name for name in (_name(self.split), _name(self.groups)) if name)]

    def _target_in(self, labels: Any) -> str | Sequence[str] | None:
        """The columns of other labels that hold the targets, if their names are known."""
        named = not isinstance(labels, pd.DataFrame) or set(self._targets) <= set(map(str, labels.columns))
        return self._targets if named else self.target

    def _index(self, table: Table, ids: pd.Series) -> pd.Index:
        """The ids [U] as they were given, in a table of events."""
        written = spelt(table[ids.name]) if isinstance(table, pd.DataFrame) else {}
        return pd.Index([written.get(str(one), one) for one in ids], name=ids.name)

    def _scored(self, events: Any, labels: Any, attributes: Any) -> tuple[NDArray[Any], list[tuple[Any, ...]]]:
        """What is answered [N, C] of labelled users, and their targets; the labels may have the attributes."""
        check_is_fitted(self)
        is_with_labels = attributes is None and bool(self._encoder.static)
        _, ids, answers = self._answers(events, labels if is_with_labels else attributes, complete=not is_with_labels)
        id, clock = str(ids.name), self._encoder.clock.name
        with in_python(is_kept=False):
            known, targets = label_table(labels, id, self._target_in(labels), clock, besides=self._beside_target())
            users = [str(one) for one in ids]
            rows, truths = labelled(users, known, id, targets, self._predicted, drop_unmatched=self.drop_unmatched)
        return answers[rows], truths


def _names(columns: str | Sequence[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else [str(column) for column in columns]


def _name(given: Any) -> str | None:
    return None if given is None else str(given)


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, Integral):
        raise UserError(f"{name} is {value!r}; use a whole number")
    return int(value)
