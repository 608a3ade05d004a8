"""Bagged XGBoost: the predictor of NAS-Bench-NLP with the library that its authors used."""

from __future__ import annotations

from typing import Any

from nni_nasplus.errors import UserError
from nni_nasplus.predictors.features import Prior
from nni_nasplus.predictors.trees.boosting import COLUMNS, DEPTH, RATE, TREES, Boosting
from nni_nasplus.search.space import SearchSpace

__all__ = ["XGBoost"]


class XGBoost(Boosting):
    """Bagging of fourteen ensembles of XGBoost (Chen and Guestrin, 2016), which boosts with second derivatives.

    Its size, rate and share of columns are those of :class:`~nni_nasplus.predictors.trees.boosting.Boosting`; what
    XGBoost has beside them, such as its penalty on leaves, keeps its defaults.

    Raises
    ------
    UserError
        If xgboost is not installed.
    """

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        try:
            from xgboost import XGBRegressor
        except ImportError:
            raise UserError("predictor 'xgboost' needs xgboost; pip install 'nni-nasplus[xgboost]'") from None
        self._kind = XGBRegressor
        super().__init__(space, prior=prior, seed=seed)

    def _boosting(self, seed: int) -> Any:
        return self._kind(
            learning_rate=RATE,
            n_estimators=TREES,
            max_depth=DEPTH,
            colsample_bynode=COLUMNS,
            random_state=seed,
            n_jobs=1,
        )
