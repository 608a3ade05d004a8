"""Any predictor, with what earlier searches expect for its prior mean."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np

from nni_nasplus.predictors.base import Predictor
from nni_nasplus.predictors.transfer.tasks import EarlierTasks
from nni_nasplus.predictors.transfer.weights import ranking_weights
from nni_nasplus.predictors.warp import Warp
from nni_nasplus.search.space import Architecture

__all__ = ["InformedPredictor"]


class InformedPredictor(Predictor):
    """A predictor that learns what results differ in from the expectations of earlier tasks.

    The prior mean is the weighted sum of what the tasks expect
    (:func:`~nni_nasplus.predictors.transfer.weights.ranking_weights`); the predictor inside learns the residuals. With
    no weight on any task it is that predictor on the warped utilities.

    Parameters
    ----------
    inner
        Learns the residuals; it is this object's from now on.
    tasks
        Give the mean.
    """

    def __init__(self, inner: Predictor, tasks: EarlierTasks) -> None:
        super().__init__(inner.space, prior=inner.prior, seed=inner.seed)
        self._inner = inner
        inner.warp_of = _as_it_is
        self._tasks = tasks
        self.weights = np.zeros(len(tasks))
        """How far each task is believed; float [tasks]."""

    @property
    def noise(self) -> float:
        """That of the predictor inside."""
        return self._inner.noise

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
        self.weights = ranking_weights(self._tasks.predict(architectures), targets)
        self._inner.fit(architectures, targets - self._expected(architectures))

    def _expected(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """The prior mean; float [architectures]."""
        mean: np.ndarray = self.weights @ self._tasks.predict(architectures)
        return mean


def _as_it_is(utilities: np.ndarray) -> Warp:
    return Warp.identity()
