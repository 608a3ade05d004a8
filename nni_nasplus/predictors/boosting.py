"""Gradient-boosted trees, bagged: the predictor that NAS-Bench-NLP found best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from nni_nasplus.predictors.ensemble import EnsemblePredictor
from nni_nasplus.predictors.features import Featurizer, Prior
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["Boosting"]

# Those of the paper.
_MEMBERS = 14
# The usual depth and rate of boosting; half the usual number of trees, since each proposal fits fourteen times as many.
_TREES, _DEPTH, _RATE = 50, 3, 0.1
# Each split looks at a third of the columns: members differ more, and a fit takes a third of the time.
_COLUMNS = 0.33


class Boosting(EnsemblePredictor):
    """Bagging of fourteen gradient-boosted ensembles (NAS-Bench-NLP, Klyuchnikov et al., 2020, arXiv 2006.07116).

    Each member is scikit-learn's boosting in place of XGBoost, on a bootstrap of the results. The paper proposes by the
    lower confidence bound of the loss, two deviations below: ``acquisition ucb``, which is the same of utilities.
    """

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        super().__init__(space, prior=prior, seed=seed)
        self.featurizer = Featurizer(space, prior)

    def _learn(self, architectures: Sequence[Architecture], targets: np.ndarray) -> None:
        features, rng = self.featurizer(architectures), np.random.default_rng(self.seed)
        bags = [rng.integers(len(targets), size=len(targets)) for _ in range(_MEMBERS)]
        self._boosted = [
            GradientBoostingRegressor(
                learning_rate=_RATE, n_estimators=_TREES, max_depth=_DEPTH, max_features=_COLUMNS, random_state=number
            ).fit(features[bag], targets[bag])
            for number, bag in enumerate(bags, self.seed)
        ]

    def _members(self, architectures: Sequence[Architecture]) -> np.ndarray:
        features = self.featurizer(architectures)
        return np.array([member.predict(features) for member in self._boosted])
