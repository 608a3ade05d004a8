"""A random forest whose trees are its samples."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from nni_nasplus.predictors.columns import ColumnPredictor

__all__ = ["RandomForest"]

# The share of trees is known to 5 %, and a fit of 500 results takes about as long as that of a Gaussian process.
_TREES = 100
# Where all trees agree nothing is uncertain; expected improvement divides by the deviation.
_LEAST = 1e-6


class RandomForest(ColumnPredictor):
    """Random forest (Breiman, 2001): every tree is a bootstrap's view of the search, and one coherent sample.

    The deviation is that between the trees, whose small leaves have the noise of a training in them, so
    :attr:`noise` is 0.
    """

    def _fit(self, features: np.ndarray, targets: np.ndarray) -> None:
        forest = RandomForestRegressor(_TREES, min_samples_leaf=2, max_features=0.5, random_state=self.seed)
        self._trees = [tree.tree_ for tree in forest.fit(features, targets).estimators_]

    def _predictions(self, features: np.ndarray) -> np.ndarray:
        """What every tree predicts; float [trees, architectures]."""
        rows = features.astype(np.float32)
        return np.array([tree.predict(rows)[:, 0] for tree in self._trees])

    def _predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        predictions = self._predictions(features)
        return predictions.mean(0), predictions.std(0) + _LEAST

    def _sample(self, features: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        return self._predictions(features)[rng.integers(_TREES, size=count)]
