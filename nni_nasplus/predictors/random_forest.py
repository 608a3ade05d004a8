"""A random forest whose trees are its samples."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from nni_nasplus.predictors.base import Predictor

__all__ = ["RandomForest"]

_TREES = 100


class RandomForest(Predictor):
    """Random forest (Breiman, 2001): every tree is a bootstrap's view of the search, and one coherent sample.

    The deviation is that between the trees, whose small leaves have the noise of a training in them, so
    :attr:`noise` is 0.
    """

    def _fit(self) -> None:
        forest = RandomForestRegressor(_TREES, min_samples_leaf=2, max_features=0.5, random_state=self.seed)
        self._trees = [tree.tree_ for tree in forest.fit(self._features, self._targets).estimators_]

    def _predictions(self, features: np.ndarray) -> np.ndarray:
        """What every tree predicts; float [trees, architectures]."""
        rows = features.astype(np.float32)
        return np.array([tree.predict(rows)[:, 0] for tree in self._trees])

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation; see :meth:`Predictor.predict`."""
        predictions = self._predictions(features)
        return predictions.mean(0), predictions.std(0) + 1e-6

    def sample(self, features: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Trees, drawn; see :meth:`Predictor.sample`."""
        return self._predictions(features)[rng.integers(_TREES, size=count)]
