"""CatBoost with posterior sampling, the predictor of SeqNAS' authors."""

from __future__ import annotations

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.predictors.columns import ColumnPredictor
from nni_nasplus.predictors.features import Prior
from nni_nasplus.search.space import SearchSpace

__all__ = ["CatBoost"]

# The iterations of SeqNAS' authors, as in `benchmarks/peers/of_catboost.py`.
_TREES = 100
# Each virtual model leaves out some of the last trees: of 100, many more would hardly differ from each other.
_MEMBERS = 5
# Where all members agree nothing is uncertain; expected improvement divides by the deviation.
_LEAST = 1e-6


class CatBoost(ColumnPredictor):
    """Gradient boosting with stochastic Langevin dynamics (Ustimenko and Prokhorenkova, 2021), for comparison.

    Mean and deviation are over the virtual ensemble of one model, as in SeqNAS. Its deviations are far too small
    for most spaces: see the calibration in a run's summary.

    Raises
    ------
    UserError
        If catboost is not installed.
    """

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        try:
            from catboost import CatBoostRegressor
        except ImportError:
            raise UserError("predictor 'catboost' needs catboost; pip install 'nni-nasplus[catboost]'") from None
        super().__init__(space, prior=prior, seed=seed)
        self._kind = CatBoostRegressor

    def _fit(self, features: np.ndarray, targets: np.ndarray) -> None:
        # CatBoost refuses targets that are all alike.
        self._constant, self._model = float(targets.mean()), None
        if np.ptp(targets) > 0:
            self._model = self._kind(
                iterations=_TREES,
                loss_function="RMSE",
                posterior_sampling=True,
                random_seed=self.seed,
                thread_count=1,
                verbose=False,
                allow_writing_files=False,
            ).fit(features, targets)

    def _members(self, features: np.ndarray) -> np.ndarray:
        """What every virtual model predicts; float [members, architectures]."""
        if self._model is None:
            return np.full((_MEMBERS, len(features)), self._constant)
        found = self._model.virtual_ensembles_predict(
            features, prediction_type="VirtEnsembles", virtual_ensembles_count=_MEMBERS, thread_count=1
        )
        return found[..., 0].T

    def _predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        members = self._members(features)
        return members.mean(0), members.std(0) + _LEAST

    def _sample(self, features: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        return self._members(features)[rng.integers(_MEMBERS, size=count)]
