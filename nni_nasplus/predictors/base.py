"""The interface of every performance predictor: fit on results, predict, sample."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from typing import ClassVar

import numpy as np

from nni_nasplus.predictors.features import Prior
from nni_nasplus.predictors.warp import Warp
from nni_nasplus.predictors.whitening import BLOCK
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["Predictor", "Scale"]

# A Gaussian process takes time with the square of it for each result: of 1,000 results a proposal takes about three
# times as long as of 100 (`benchmarks/proposal_time.py`), and few searches have as many.
MAX_ROWS = 500
Scale = Callable[[Sequence[Architecture], np.ndarray], np.ndarray]
"""From architectures and their utilities to what is learned of them; float [architectures]."""


class Predictor(ABC):
    """Predicts the utility of architectures, and how sure it is.

    Architectures come in canonical form; what a predictor sees of them, columns of features or a graph, is its own
    matter. One that learns from columns derives from :class:`~nni_nasplus.predictors.columns.ColumnPredictor`, any
    other from this class: it learns in :meth:`_learn`, predicts and samples.

    Utilities are warped first (:class:`~nni_nasplus.predictors.warp.Warp`): means, deviations and samples are in
    warped units, in which higher is better too. :meth:`warp` takes raw utilities there.

    A fit is a function of its arguments alone. It takes at most 500 results, so that time and memory stay bounded:
    of more, it keeps the better half of those and the latest ones, an approximation that is exact where it matters,
    near the best.

    Parameters
    ----------
    space
        Of the architectures.
    prior
        What is known of architectures before they are trained; None for nothing. A predictor that has no use for it
        leaves it out.
    seed
        Of whatever the fit draws.
    """

    slow: ClassVar[bool] = False
    """Whether a fit takes about a second: a summary of all predictors, which takes five of each, leaves it out."""
    scale_of: Callable[[Sequence[Architecture], np.ndarray], Scale]
    """What a fit learns of the results that it is given; by default their warped utilities."""

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        self.space = space
        self.prior = prior
        self.seed = seed
        self._architectures: list[Architecture] = []
        self._targets = np.zeros(0)
        self._warp = Warp.identity()
        self.scale_of = _warped
        self._scale = _warped([], self._targets)

    def fit(self, architectures: Sequence[Architecture], utilities: np.ndarray) -> None:
        """Learn from finished trials.

        Parameters
        ----------
        architectures
            In canonical form, in order of finishing.
        utilities
            Finite, higher is better; float [architectures].
        """
        rows = _kept(utilities)
        self._warp = Warp.of(utilities)
        self._scale = self.scale_of(architectures, utilities)
        self._architectures = [architectures[i] for i in rows]
        self._targets = self._scale(self._architectures, utilities[rows])
        self._learn(self._architectures, self._targets)

    def warp(self, utilities: np.ndarray) -> np.ndarray:
        """Raw utilities in the units of :meth:`predict`."""
        return self._warp(utilities)

    def targets(self, architectures: Sequence[Architecture], utilities: np.ndarray) -> np.ndarray:
        """What :meth:`predict` predicts of architectures that reach these utilities; float [architectures]."""
        return self._scale(architectures, utilities)

    @property
    def noise(self) -> float:
        """Standard deviation of one training around the expected utility; 0 where :meth:`predict` has it already."""
        return 0.0

    def believe(self, architectures: Sequence[Architecture]) -> Predictor:
        """The predictor that has also seen these architectures reach what it expects of them.

        What is in training counts so: nothing is known of its result, and little is left to learn near it.
        """
        believer = copy(self)
        believer._architectures = [*self._architectures, *architectures]
        believer._targets = np.concatenate([self._targets, self.predict(architectures)[0]])
        believer._learn(believer._architectures, believer._targets)
        return believer

    @abstractmethod
    def _learn(self, architectures: Sequence[Architecture], targets: np.ndarray) -> None:
        """Learn from results, and forget those of before.

        What was learned must not be changed in place: :meth:`believe` has a shallow copy learn.

        Parameters
        ----------
        architectures
            In canonical form, at most 500 and those that are believed; some may occur more than once.
        targets
            Their utilities in warped units; float [architectures].
        """

    @abstractmethod
    def predict(self, architectures: Sequence[Architecture]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the expected utility, without the noise of a training.

        Returns
        -------
        Two of float [architectures]; the deviations are more than 0.
        """

    @abstractmethod
    def sample(self, architectures: Sequence[Architecture], count: int, rng: np.random.Generator) -> np.ndarray:
        """Coherent samples: each row is one plausible function on all architectures; float [count, architectures]."""


def _warped(architectures: Sequence[Architecture], utilities: np.ndarray) -> Scale:
    warp = Warp.of(utilities)
    return lambda _, reached: warp(reached)


def _kept(utilities: np.ndarray) -> np.ndarray:
    """Which rows a fit takes, ascending: all, or the better half and the latest, chosen anew for every 50 more."""
    n = len(utilities)
    if n <= MAX_ROWS:
        return np.arange(n)
    chosen_of, size = (n - 1) // BLOCK * BLOCK, MAX_ROWS - BLOCK
    best = np.argsort(-utilities[:chosen_of], kind="stable")[: size // 2]
    others = np.setdiff1d(np.arange(chosen_of), best)[-(size - len(best)) :]
    return np.concatenate([np.sort(np.concatenate([best, others])), np.arange(chosen_of, n)])
