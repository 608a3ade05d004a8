"""Classifiers of users by their events, as scikit-learn has classifiers of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from nni_nasplus import registry
from nni_nasplus.data.events.batch import EventShape
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.data.events.preparation import prepare
from nni_nasplus.errors import UserError
from nni_nasplus.estimators.base import SearchingEstimator, chosen, plain, well_typed
from nni_nasplus.estimators.scoring import accuracy
from nni_nasplus.estimators.tables import Table, event_table, label_table, spelt
from nni_nasplus.estimators.wording import in_python
from nni_nasplus.run.run import described
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.events import EventClassification, schedule_of

__all__ = ["EventClassifier"]

_OF_DATA = [field.name for field in fields(EventShape)]
"""The arguments of a space that the data give."""


class EventClassifier(ClassifierMixin, SearchingEstimator):
    """Search for a network that classifies users by their events, and be that network.

    ``fit`` splits the users into those that networks are trained on, those that the search compares networks by, and
    those that it never sees, as ``nasplus search`` does.

    Parameters
    ----------
    id
        The column of the events that names the user; a level of the index will do.
    time
        The column of the events that says when, as numbers or dates; a level of the index will do.
    target
        The column of the labels to predict, where they are a frame with several, or a file.
    trials
        Architectures to train.
    strategy, strategy_options
        How to search: thompson, evolution, random or another installed strategy, and its own settings.
    objective
        What the search optimises on validation users: roc_auc, accuracy, f1, average_precision, brier, quadratic kappa,
        loss, or the import path of a metric of torchmetrics.
    epochs
        The most passes over the training users; training stops early when it no longer improves. Where None, 10, or 20
        where there are few users.
    max_length
        The most recent events of a user that are used.
    categorical, numeric, ignore
        Columns of the events to treat as categories, to treat as numbers, and to leave out; the rest is inferred.
    drop_unmatched
        Leave out users without a label or without events, instead of stopping.
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

    Attributes
    ----------
    classes_
        [C] the labels, in ascending order, as they were given.
    model_, history_, best_genotype_, run_
        What was found; a table of all trials; the best architecture; the directory of the search, if it is kept.
    feature_names_in_, n_features_in_
        The columns of the events, and how many they are.

    Examples
    --------
    >>> classifier = EventClassifier(id="user", time="day", trials=20).fit(events, labels)
    >>> probabilities = classifier.predict_proba(new_events)
    """

    def __init__(
        self,
        *,
        id: str = "id",
        time: str = "time",
        target: str | None = None,
        trials: int = 20,
        strategy: str = "thompson",
        strategy_options: Mapping[str, Any] | None = None,
        objective: str = "roc_auc",
        epochs: int | None = None,
        max_length: int = 256,
        categorical: Sequence[str] = (),
        numeric: Sequence[str] = (),
        ignore: Sequence[str] = (),
        drop_unmatched: bool = False,
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
        self.strategy = strategy
        self.strategy_options = strategy_options
        self.objective = objective
        self.epochs = epochs
        self.max_length = max_length
        self.categorical = categorical
        self.numeric = numeric
        self.ignore = ignore
        self.drop_unmatched = drop_unmatched
        self.network = network
        self.training = training
        self.search = search
        self.host = host
        self.out = out
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, events: Any, labels: Any) -> EventClassifier:
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
            known, target = label_table(labels, id, self.target, time)
            seed = self._seed()
            self._search(lambda cache: self._prepared(cache, table, known, target, seed), seed)
        self._target = target
        self._order, self.classes_ = self._sorted_classes(known)
        self.feature_names_in_ = pd.Index([column.name for column in self._encoder.columns], dtype=object).to_numpy()
        self.n_features_in_ = len(self.feature_names_in_)
        return self

    def predict_proba(self, events: Any) -> pd.DataFrame:
        """The probability of each class, for each user.

        Parameters
        ----------
        events
            As ``fit`` takes them, of any users: a frame or a path.

        Returns
        -------
        A row a user, indexed by id in order of first events in the table, and a column a class, as in ``classes_``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        UserError
            If there is no event, or a column of the training events is missing or cannot be read.
        """
        table, ids, probabilities = self._answers(events)
        written = spelt(table[ids.name]) if isinstance(table, pd.DataFrame) else {}
        index = pd.Index([written.get(str(one), one) for one in ids], name=ids.name)
        columns = pd.Index(self.classes_, name=self._target)
        return pd.DataFrame(probabilities[:, self._order], index=index, columns=columns)

    def predict(self, events: Any) -> pd.Series:
        """The most probable class of each user, indexed by id; see :meth:`predict_proba`."""
        probabilities = self.predict_proba(events)
        classes = self.classes_[probabilities.to_numpy().argmax(axis=1)]
        return pd.Series(classes, index=probabilities.index, name=self._target)

    def score(self, events: Any, labels: Any) -> float:
        """The share of labelled users that are classified rightly, whatever the objective is.

        Parameters
        ----------
        events, labels
            As ``fit`` takes them.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        UserError
            If labelled users have no event, unless they are to be left out by ``drop_unmatched``.
        """
        _, ids, probabilities = self._answers(events)
        classes = [str(self._encoder.target.names[i]) for i in probabilities.argmax(axis=1)]
        users, id = [str(one) for one in ids], str(ids.name)
        with in_python(is_kept=False):
            known, target = label_table(labels, id, self._target_in(labels), self._encoder.clock.name)
            return accuracy(users, classes, known, id=id, target=target, drop_unmatched=self.drop_unmatched)

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn that what it takes is a table of events, no array of rows."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.categorical = tags.input_tags.string = tags.input_tags.allow_nan = True
        tags.no_validation = True
        return tags

    def _prepared(
        self, cache: Path, events: Table, labels: Table, target: str, seed: int
    ) -> tuple[dict[str, Any], Evaluator]:
        """The data in a folder, the space over their sizes, and what trains on them."""
        space = registry.load("spaces", "events")
        network = chosen("network", self.network, signature(space).parameters, besides=_OF_DATA)
        training = self._training(seed)
        well_typed(EventClassification(str(cache), **training))
        prepare(
            events,
            labels,
            id=str(self.id),
            time=str(self.time),
            target=target,
            categorical=_names(self.categorical),
            numeric=_names(self.numeric),
            ignore=_names(self.ignore),
            drop_unmatched=self.drop_unmatched,
            max_length=_whole("max_length", self.max_length),
            out=cache,
            seed=seed,
            progress=bool(self.verbose),
        )
        data = EventDataModule(cache)
        evaluator = EventClassification(str(cache), **{**schedule_of(data.sizes["train"]), **training})
        return described(space, {**data.shape.to_json(), **space.recommended(), **network}), evaluator

    @property
    def _encoder(self) -> EventEncoder:
        encoder = self.model_.preprocessing
        assert isinstance(encoder, EventEncoder)
        return encoder

    def _training(self, seed: int) -> dict[str, Any]:
        """The arguments of the evaluator, none of which may be zero or less."""
        epochs = {} if self.epochs is None else {"epochs": plain(self.epochs)}
        own = {"objective": self.objective, **epochs}
        known = [field.name for field in fields(EventClassification)]
        further = chosen("training", self.training, known, besides=[*own, "epochs", "seed", "cache"])
        for name, value in {**own, **further, "max_length": self.max_length}.items():
            if isinstance(value, Real) and value <= 0:
                raise UserError(f"{name} is {value}; use more than 0")
        return {**own, **further, "seed": seed}

    def _answers(self, events: Any) -> tuple[Table, pd.Series, NDArray[np.float32]]:
        """The table of the events, the ids [U], and the probabilities [U, C], by the model's own order of classes."""
        check_is_fitted(self)
        with in_python(is_kept=False):
            table = event_table(events, self._encoder.id, self._encoder.clock.name)
            answers = self.model_.predict(table)
        return table, answers.pop(self._encoder.id), answers.to_numpy()

    def _target_in(self, labels: Any) -> str | None:
        """The column of other labels that holds the target, if its name is known."""
        named = not isinstance(labels, pd.DataFrame) or self._target in labels.columns
        return self._target if named else self.target

    def _sorted_classes(self, labels: Table) -> tuple[list[int], NDArray[Any]]:
        """The order of the model's classes that is ascending, and the classes in it as they were given."""
        written = spelt(labels[self._target]) if isinstance(labels, pd.DataFrame) else {}
        classes = [written.get(str(one), one) for one in self._encoder.target.names]
        order = sorted(range(len(classes)), key=lambda i: (isinstance(classes[i], str), classes[i]))
        return order, pd.Index([classes[i] for i in order]).to_numpy()


def _names(columns: str | Sequence[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else [str(column) for column in columns]


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, Integral):
        raise UserError(f"{name} is {value!r}; use a whole number")
    return int(value)
