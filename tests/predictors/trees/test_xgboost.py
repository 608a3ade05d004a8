"""XGBoost where scikit-learn's boosting is."""

from __future__ import annotations

import sys

import pytest
from edges import EDGES

from nni_nasplus import UserError
from nni_nasplus.predictors.trees.xgboost import XGBoost


def test_one_that_is_not_installed_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(UserError, match=r"predictor 'xgboost' needs xgboost; pip install 'nni-nasplus\[xgboost\]'"):
        XGBoost(EDGES)
