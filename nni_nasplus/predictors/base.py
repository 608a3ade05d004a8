"""The interface of every performance predictor: fit on results, predict, sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy

import numpy as np

from nni_nasplus.predictors.warp import Warp

__all__ = ["Predictor"]

MAX_ROWS = 500


class Predictor(ABC):
    """Predicts the utility of architectures from their features, and how sure it is.

    Utilities are warped first (:class:`~nni_nasplus.predictors.warp.Warp`): means, deviations and samples are in
    warped units, in which higher is better too. :meth:`warp` takes raw utilities there.

    A fit is a function of its arguments alone. It takes at most 500 results, so that time and memory stay bounded:
    of more, it keeps the better half of those and the latest ones, an approximation that is exact where it matters,
    near the best.

    Parameters
    ----------
    groups
        Columns of the features with the same number belong together; int [features].
    seed
        Of whatever the fit draws.
    """

    def __init__(self, groups: np.ndarray, *, seed: int = 0) -> None:
        self.groups = groups
        self.seed = seed
        self._features = np.zeros((0, len(groups)))
        self._targets = np.zeros(0)
        self._warp = Warp.identity()

    def fit(self, features: np.ndarray, utilities: np.ndarray) -> None:
        """Learn from finished trials.

        Parameters
        ----------
        features
            Float [trials, features], in order of finishing.
        utilities
            Finite, higher is better; float [trials].
        """
        rows = _kept(utilities)
        self._warp = Warp.of(utilities)
        self._features, self._targets = features[rows], self._warp(utilities[rows])
        self._fit()

    def warp(self, utilities: np.ndarray) -> np.ndarray:
        """Raw utilities in the units of :meth:`predict`."""
        return self._warp(utilities)

    @property
    def noise(self) -> float:
        """Standard deviation of one training around the expected utility; 0 where :meth:`predict` has it already."""
        return 0.0

    def believe(self, features: np.ndarray) -> Predictor:
        """The predictor that has also seen these architectures reach what it expects of them.

        What is in training counts so: nothing is known of its result, and little is left to learn near it.
        """
        believer = copy(self)
        mean, _ = self.predict(features)
        believer._features = np.vstack([self._features, features])
        believer._targets = np.concatenate([self._targets, mean])
        believer._fit()
        return believer

    @abstractmethod
    def _fit(self) -> None:
        """Learn from ``_features`` and ``_targets``."""

    @abstractmethod
    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the expected utility, without the noise of a training; [architectures]."""

    @abstractmethod
    def sample(self, features: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Coherent samples: each row is one plausible function on all architectures; [count, architectures]."""


def _kept(utilities: np.ndarray) -> np.ndarray:
    """Which rows a fit takes, ascending: all, or the better half and the latest."""
    n = len(utilities)
    if n <= MAX_ROWS:
        return np.arange(n)
    best = np.argsort(-utilities, kind="stable")[: MAX_ROWS // 2]
    others = np.setdiff1d(np.arange(n), best)[-(MAX_ROWS - len(best)) :]
    return np.sort(np.concatenate([best, others]))
