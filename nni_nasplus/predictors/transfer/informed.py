"""Any predictor, with what earlier searches expect for its prior mean and for a feature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial

import numpy as np

from nni_nasplus.predictors.base import Predictor, Scale
from nni_nasplus.predictors.features import Prior
from nni_nasplus.predictors.schedule import due_after
from nni_nasplus.predictors.transfer.tasks import EarlierTasks
from nni_nasplus.predictors.transfer.weights import agreements, ranking_weights
from nni_nasplus.predictors.warp import Warp
from nni_nasplus.search.space import Architecture

__all__ = ["InformedPredictor"]

# Pairs take time with the square of it, and of 300 results an order is known to 4 %.
_ROWS = 300


class InformedPredictor(Predictor):
    """A predictor that learns what results differ in from the expectations of earlier tasks.

    The prior mean is the weighted sum of what the tasks expect
    (:func:`~nni_nasplus.predictors.transfer.weights.ranking_weights`); the predictor inside learns the residuals. What
    the tasks expect whose order is that of the results, or its reverse, beyond chance
    (:func:`~nni_nasplus.predictors.transfer.weights.agreements`) is its prior, too. Where all tasks are set aside it is
    the predictor inside, as if there were none.

    Both are learned anew with each of the first 64 results, and then whenever there are 10 % more, on the latest 300.

    Parameters
    ----------
    make
        Gives the predictor inside, of a prior; None for none.
    tasks
        Give the mean and the prior.
    """

    def __init__(self, make: Callable[[Prior | None], Predictor], tasks: EarlierTasks) -> None:
        self._make = make
        self._tasks = tasks
        self._aside = (0,) * len(tasks)
        self._made: dict[tuple[int, ...], Predictor] = {}
        self._inner = self._having(self._aside)
        super().__init__(self._inner.space, prior=self._inner.prior, seed=self._inner.seed)
        self.weights = np.zeros(len(tasks))
        """How far each task is believed; float [tasks]."""
        self._judged: tuple[list[Architecture], np.ndarray] = [], np.zeros(0)
        self._signs = self._aside

    @property
    def noise(self) -> float:
        """That of the predictor inside."""
        return self._inner.noise

    def fit(self, architectures: Sequence[Architecture], utilities: np.ndarray) -> None:
        """Judge the tasks, and have the predictor inside learn; see :meth:`Predictor.fit`."""
        self._judge(architectures, utilities)
        self._inner = self._having(self._signs)
        self._inner.fit(architectures, utilities)
        self._architectures, self._targets = self._inner._architectures, self._inner._targets
        self._warp, self._scale = self._inner._warp, self._inner._scale

    def believe(self, architectures: Sequence[Architecture]) -> Predictor:
        """See :meth:`Predictor.believe`: an expected result is an expected residual."""
        believer = copy(self)
        believer._inner = self._inner.believe(architectures)
        return believer

    def predict(self, architectures: Sequence[Architecture]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the expected utility; see :meth:`Predictor.predict`."""
        mean, std = self._inner.predict(architectures)
        return mean + self._expected(architectures), std

    def sample(self, architectures: Sequence[Architecture], count: int, rng: np.random.Generator) -> np.ndarray:
        """Coherent samples; see :meth:`Predictor.sample`."""
        return self._inner.sample(architectures, count, rng) + self._expected(architectures)

    def _learn(self, architectures: Sequence[Architecture], targets: np.ndarray) -> None:
        self._inner._learn(architectures, targets)

    def _judge(self, architectures: Sequence[Architecture], utilities: np.ndarray) -> None:
        """Find weights and signs, unless these results were the last to be judged by."""
        due = due_after(len(utilities))
        rows = slice(max(0, due - _ROWS), due)
        latest = list(architectures[rows]), utilities[rows]
        if latest[0] == self._judged[0] and np.array_equal(latest[1], self._judged[1]):
            return
        opinions = self._tasks.predict(latest[0])
        self.weights = ranking_weights(opinions, latest[1])
        self._signs = tuple(agreements(opinions, latest[1]).tolist())
        self._judged = latest

    def _having(self, signs: tuple[int, ...]) -> Predictor:
        """The predictor whose prior is what tasks of these signs expect, kept or new."""
        if signs not in self._made:
            prior = partial(self._tasks.combined, signs) if any(signs) else None
            self._made[signs] = self._make(prior)
            self._made[signs].scale_of = self._residuals
        return self._made[signs]

    def _residuals(self, architectures: Sequence[Architecture], utilities: np.ndarray) -> Scale:
        self._judge(architectures, utilities)
        warp, weights = Warp.of(utilities), self.weights
        return lambda new, reached: warp(reached) - self._mean(weights, new)

    def _expected(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """The prior mean; float [architectures]."""
        return self._mean(self.weights, architectures)

    def _mean(self, weights: np.ndarray, architectures: Sequence[Architecture]) -> np.ndarray:
        if not weights.any():
            return np.zeros(len(architectures))
        mean: np.ndarray = weights @ self._tasks.predict(architectures)
        return mean
