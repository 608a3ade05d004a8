"""What is common to predictors that learn from a table: a row for each architecture, a column for each feature."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from nni_nasplus.predictors.base import Predictor
from nni_nasplus.predictors.features import Featurizer, Prior
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["ColumnPredictor"]


class ColumnPredictor(Predictor):
    """A predictor that learns from columns: the features of the space, and the prior's opinion as one more.

    Parameters
    ----------
    space
        Gives the features and their groups.
    prior
        Becomes a column (:class:`~nni_nasplus.predictors.features.Featurizer`); None for none.
    seed
        Of whatever the fit draws.

    Raises
    ------
    UserError
        If the prior is NaN for some architecture.
    """

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        super().__init__(space, prior=prior, seed=seed)
        self.featurizer = Featurizer(space, prior)
        self._described: tuple[list[Architecture], np.ndarray] = [], self.featurizer([])

    def predict(self, architectures: Sequence[Architecture]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the expected utility; see :meth:`Predictor.predict`."""
        return self._predict(self.featurizer(architectures))

    def sample(self, architectures: Sequence[Architecture], count: int, rng: np.random.Generator) -> np.ndarray:
        """Coherent samples; see :meth:`Predictor.sample`."""
        return self._sample(self.featurizer(architectures), count, rng)

    def _learn(self, architectures: Sequence[Architecture], targets: np.ndarray) -> None:
        self._fit(self._features_of(architectures), targets)

    def _features_of(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Features of results: of those that were first the last time too, the rows of then."""
        before, rows = self._described
        pairs = zip(architectures, before, strict=False)
        known = next((i for i, (a, b) in enumerate(pairs) if a is not b), min(len(architectures), len(before)))
        self._described = list(architectures), np.concatenate([rows[:known], self.featurizer(architectures[known:])])
        return self._described[1]

    @abstractmethod
    def _fit(self, features: np.ndarray, targets: np.ndarray) -> None:
        """Learn from results, features [n, f] and warped utilities [n], changing nothing in place."""

    @abstractmethod
    def _predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, each [n], of features [n, f]."""

    @abstractmethod
    def _sample(self, features: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Samples [count, n] at features [n, f]."""
