"""Gradient-boosted trees, bagged: the predictor that NAS-Bench-NLP found best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from nni_nasplus.predictors.ensemble import EnsemblePredictor
from nni_nasplus.predictors.features import Featurizer, Prior
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["Boosting"]

# Those of the paper.
_MEMBERS = 14
# The usual depth and rate of boosting; half the usual number of trees, since each proposal fits fourteen times as many.
TREES, DEPTH, RATE = 50, 3, 0.1
# Each split looks at a third of the columns: members differ more, and a fit takes a third of the time.
COLUMNS = 0.33


class Boosting(EnsemblePredictor):
    """Bagging of fourteen gradient-boosted ensembles (NAS-Bench-NLP, Klyuchnikov et al., 2020, arXiv 2006.07116).

    Each member is scikit-learn's boosting on a bootstrap of the results, in place of the paper's XGBoost, which
    :class:`~nni_nasplus.predictors.trees.xgboost.XGBoost` has. The paper proposes by the
    lower confidence bound of the loss, two deviations below: ``acquisition ucb``, which is the same of utilities.
    """

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        super().__init__(space, prior=prior, seed=seed)
        self.featurizer = Featurizer(space, prior)

    @property
    def noise(self) -> float:
        """Standard deviation of one training around the expected utility, from results that members did not see."""
        return self._noise

    def _learn(self, architectures: Sequence[Architecture], targets: np.ndarray) -> None:
        features, rng = self.featurizer(architectures), np.random.default_rng(self.seed)
        bags = [rng.integers(len(targets), size=len(targets)) for _ in range(_MEMBERS)]
        self._boosted = [
            self._boosting(number).fit(features[bag], targets[bag]) for number, bag in enumerate(bags, self.seed)
        ]
        unseen = np.array([~np.isin(np.arange(len(targets)), bag) for bag in bags])
        self._noise = _residual(self._predicted(features), unseen, targets)

    def _boosting(self, seed: int) -> Any:
        """A member that has not learned yet: a regressor as scikit-learn has them."""
        return GradientBoostingRegressor(
            learning_rate=RATE, n_estimators=TREES, max_depth=DEPTH, max_features=COLUMNS, random_state=seed
        )

    def _members(self, architectures: Sequence[Architecture]) -> np.ndarray:
        return self._predicted(self.featurizer(architectures))

    def _predicted(self, features: np.ndarray) -> np.ndarray:
        return np.array([member.predict(features) for member in self._boosted])


def _residual(predicted: np.ndarray, unseen: np.ndarray, targets: np.ndarray) -> float:
    """The deviation of the targets from members that did not see them, beyond that between the members.

    Parameters
    ----------
    predicted, unseen
        What each member predicts, and whether it did not see the result; [members, results].
    """
    asked = unseen.any(axis=0)
    if not asked.any():
        return 0.0
    predicted, unseen, targets = predicted[:, asked], unseen[:, asked], targets[asked]
    error = (predicted * unseen).sum(0) / unseen.sum(0) - targets
    return float(np.sqrt(max(0.0, (error**2).mean() - predicted.var(axis=0, ddof=1).mean())))
