"""CatBoost with posterior sampling, the predictor of SeqNAS' authors."""

from __future__ import annotations

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.predictors.base import Predictor

__all__ = ["CatBoost"]

_TREES = 100
_MEMBERS = 5


class CatBoost(Predictor):
    """Gradient boosting with stochastic Langevin dynamics (Ustimenko and Prokhorenkova, 2021), for comparison.

    Mean and deviation are over the virtual ensemble of one model, as in SeqNAS. Its deviations are far too small
    for most spaces: see the calibration in a run's summary.

    Raises
    ------
    UserError
        If catboost is not installed.
    """

    def __init__(self, groups: np.ndarray, *, seed: int = 0) -> None:
        try:
            from catboost import CatBoostRegressor
        except ImportError:
            raise UserError("predictor 'catboost' needs catboost; pip install 'nni-nasplus[catboost]'") from None
        super().__init__(groups, seed=seed)
        self._kind = CatBoostRegressor

    def _fit(self) -> None:
        constant = bool(np.ptp(self._targets) == 0)
        self._model = (
            None
            if constant
            else self._kind(
                iterations=_TREES,
                loss_function="RMSE",
                posterior_sampling=True,
                random_seed=self.seed,
                thread_count=1,
                verbose=False,
                allow_writing_files=False,
            ).fit(self._features, self._targets)
        )

    def _members(self, features: np.ndarray) -> np.ndarray:
        """What every virtual model predicts; float [members, architectures]."""
        if self._model is None:
            return np.full((_MEMBERS, len(features)), self._targets.mean())
        found = self._model.virtual_ensembles_predict(
            features, prediction_type="VirtEnsembles", virtual_ensembles_count=_MEMBERS, thread_count=1
        )
        return found[..., 0].T

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation; see :meth:`Predictor.predict`."""
        members = self._members(features)
        return members.mean(0), members.std(0) + 1e-6

    def sample(self, features: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Virtual models, drawn; see :meth:`Predictor.sample`."""
        return self._members(features)[rng.integers(_MEMBERS, size=count)]
