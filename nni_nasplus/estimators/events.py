"""Classifiers and regressors of users by their events, as scikit-learn has them of rows."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import r2_score

from nni_nasplus.data.events.labels import Predicted
from nni_nasplus.data.targets import Tags
from nni_nasplus.estimators.event_estimator import EventEstimator
from nni_nasplus.estimators.tables import Table, spelt
from nni_nasplus.training.events import EventClassification, EventEvaluator, EventRegression

__all__ = ["EventClassifier", "EventRegressor"]

_HALF = 0.5


class EventClassifier(ClassifierMixin, EventEstimator):
    """Search for a network that classifies users by their events, and be that network.

    The parameters are those of :class:`~nni_nasplus.estimators.event_estimator.EventEstimator`. With several targets
    they are labels of which a user may have any.

    Attributes
    ----------
    classes_
        [C] the labels, in ascending order, as they were given; of several targets their names.
    model_, history_, best_genotype_, run_
        What was found; a table of all trials; the best architecture; the directory of the search, if it is kept.
    feature_names_in_, n_features_in_
        The columns of the events, and how many they are.

    Examples
    --------
    >>> classifier = EventClassifier(id="user", time="day", trials=20).fit(events, labels)
    >>> probabilities = classifier.predict_proba(new_events)
    """

    _evaluator: ClassVar[type[EventEvaluator]] = EventClassification
    _predicted: ClassVar[Predicted] = "classes"

    def predict_proba(self, events: Any, attributes: Any = None) -> pd.DataFrame:
        """The probability of each class, for each user.

        Parameters
        ----------
        events
            As ``fit`` takes them, of any users: a frame or a path.
        attributes
            The ``static`` columns of these users, where there are any: a frame of one row a user with the ids, as a
            column or as its index, or the path of such a table.

        Returns
        -------
        A row a user, indexed by id in order of first events in the table, and a column a class, as in ``classes_``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        UserError
            If there is no event, a column of the training data is missing or cannot be read, or a user has no
            attributes.
        """
        table, ids, probabilities = self._answers(events, attributes)
        name = self._targets[0] if len(self._targets) == 1 else None
        columns = pd.Index(self.classes_, name=name)
        return pd.DataFrame(probabilities[:, self._order], index=self._index(table, ids), columns=columns)

    def predict(self, events: Any, attributes: Any = None) -> pd.Series | pd.DataFrame:
        """The most probable class of each user, indexed by id; see :meth:`predict_proba`.

        Of several targets a frame of a column each, with the value that is more probable than not.
        """
        probabilities = self.predict_proba(events, attributes)
        if self._values is None:
            classes = self.classes_[probabilities.to_numpy().argmax(axis=1)]
            return pd.Series(classes, index=probabilities.index, name=self._targets[0])
        likely = probabilities > _HALF
        said = {name: np.where(likely[name], *pair[::-1]) for name, pair in self._values.items()}
        return pd.DataFrame(said, index=probabilities.index)

    def score(self, events: Any, labels: Any, attributes: Any = None) -> float:
        """The share of labelled users that are classified rightly, whatever the objective is; in all targets at once.

        Parameters
        ----------
        events, labels
            As ``fit`` takes them.
        attributes
            As :meth:`predict_proba` takes them; where None, the labels have them.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        UserError
            If labelled users have no event, unless they are to be left out by ``drop_unmatched``.
        """
        probabilities, truths = self._scored(events, labels, attributes)
        target = self._encoder.target
        if isinstance(target, Tags):
            said = [
                tuple(str(pair[one]) for pair, one in zip(target.values, row, strict=True))
                for row in (probabilities > _HALF).astype(int)
            ]
        else:
            said = [(str(target.names[i]),) for i in probabilities.argmax(axis=1)]
        return float(np.mean([answer == truth for answer, truth in zip(said, truths, strict=True)]))

    def _learn(self, labels: Table) -> None:
        """Remember the classes as they were given: ascending, where the model has them in an order of its own."""
        target = self._encoder.target
        self.classes_: NDArray[Any]
        self._values: dict[str, list[Any]] | None = None
        if isinstance(target, Tags):
            self._order, self.classes_ = list(range(len(target.columns))), np.array(target.columns, dtype=object)
            pairs = zip(target.columns, target.values, strict=True)
            self._values = {name: _as_given(labels, name, list(pair)) for name, pair in pairs}
            return
        classes = _as_given(labels, self._targets[0], target.names)
        self._order = sorted(range(len(classes)), key=lambda i: (isinstance(classes[i], str), classes[i]))
        self.classes_ = pd.Index([classes[i] for i in self._order]).to_numpy()


class EventRegressor(RegressorMixin, EventEstimator):
    """Search for a network that predicts a number of users by their events, and be that network.

    The parameters are those of :class:`~nni_nasplus.estimators.event_estimator.EventEstimator`; ``training`` may have
    ``{"error": "absolute"}``.

    Attributes
    ----------
    model_, history_, best_genotype_, run_
        What was found; a table of all trials; the best architecture; the directory of the search, if it is kept.
    feature_names_in_, n_features_in_
        The columns of the events, and how many they are.

    Examples
    --------
    >>> regressor = EventRegressor(id="user", time="day", target="spent", trials=20).fit(events, labels)
    >>> spent = regressor.predict(new_events)
    """

    _evaluator: ClassVar[type[EventEvaluator]] = EventRegression
    _predicted: ClassVar[Predicted] = "number"

    def predict(self, events: Any, attributes: Any = None) -> pd.Series:
        """The number of each user.

        Parameters
        ----------
        events
            As ``fit`` takes them, of any users: a frame or a path.
        attributes
            The ``static`` columns of these users, where there are any: a frame of one row a user with the ids, as a
            column or as its index, or the path of such a table.

        Returns
        -------
        Indexed by id, in order of first events in the table.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        UserError
            If there is no event, a column of the training data is missing or cannot be read, or a user has no
            attributes.
        """
        table, ids, numbers = self._answers(events, attributes)
        return pd.Series(numbers[:, 0], index=self._index(table, ids), name=self._targets[0])

    def score(self, events: Any, labels: Any, attributes: Any = None) -> float:
        """R² over labelled users, whatever the objective is.

        Parameters
        ----------
        events, labels
            As ``fit`` takes them.
        attributes
            As :meth:`predict` takes them; where None, the labels have them.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        UserError
            If labelled users have no event, unless they are to be left out by ``drop_unmatched``.
        """
        numbers, truths = self._scored(events, labels, attributes)
        return float(r2_score([truth for (truth,) in truths], numbers[:, 0]))

    def _learn(self, labels: Table) -> None:
        """Nothing: numbers are as they are."""


def _as_given(labels: Table, name: str, values: list[Any]) -> list[Any]:
    """Values of a target as the labels had them, where these are a frame."""
    written = spelt(labels[name]) if isinstance(labels, pd.DataFrame) else {}
    return [written.get(str(one), one) for one in values]
