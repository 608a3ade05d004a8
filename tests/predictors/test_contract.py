"""The contract of every predictor."""

from __future__ import annotations

import numpy as np
import pytest
from edges import EDGES, trained
from scipy.stats import kendalltau

from nni_nasplus import registry
from nni_nasplus.predictors.assessment import held_back
from nni_nasplus.predictors.base import MAX_ROWS


@pytest.fixture(params=registry.available("predictors"))
def kind(request):
    if request.param == "catboost":
        pytest.importorskip("catboost")
    return registry.load("predictors", request.param)


class TestContract:
    def test_equal_fits_predict_alike_and_do_not_depend_on_the_fit_before(self, kind):
        features, utilities = trained(40)
        used, new = kind(EDGES.feature_groups, seed=3), kind(EDGES.feature_groups, seed=3)
        used.fit(features[:20], utilities[:20])
        for predictor in (used, new):
            predictor.fit(features, utilities)
        np.testing.assert_array_equal(used.predict(features), new.predict(features))

    def test_it_learns_the_order_of_architectures_held_back(self, kind):
        features, utilities = trained(120, noise=0.1)
        mean, _ = held_back(
            kind(EDGES.feature_groups), (features[:80], utilities[:80]), (features[80:], utilities[80:])
        )
        assert kendalltau(mean, utilities[80:]).statistic > 0.6

    def test_samples_are_coherent_functions_equal_for_equal_architectures(self, kind):
        features, utilities = trained(40)
        predictor = kind(EDGES.feature_groups)
        predictor.fit(features, utilities)
        twice = np.vstack([features[:5], features[:5]])
        samples = predictor.sample(twice, 6, np.random.default_rng(0))
        assert samples.shape == (6, 10)
        np.testing.assert_allclose(samples[:, :5], samples[:, 5:], atol=0.1)

    def test_what_is_believed_hardly_moves_the_mean_and_no_result_is_added(self, kind):
        features, utilities = trained(60)
        predictor = kind(EDGES.feature_groups)
        predictor.fit(features[:50], utilities[:50])
        before = predictor.predict(features)
        believer = predictor.believe(features[50:])
        np.testing.assert_array_equal(predictor.predict(features), before)
        assert kendalltau(believer.predict(features)[0], before[0]).statistic > 0.7

    def test_constant_utilities_and_one_result_are_no_trouble(self, kind):
        features, utilities = trained(12)
        for results in (utilities * 0.0, utilities[:1]):
            predictor = kind(EDGES.feature_groups)
            predictor.fit(features[: len(results)], results)
            assert np.isfinite(predictor.predict(features)).all()

    def test_more_results_than_it_takes_keep_the_best_and_the_latest(self, kind):
        features, utilities = trained(MAX_ROWS + 200)
        predictor = kind(EDGES.feature_groups)
        predictor.fit(features, utilities)
        assert len(predictor._targets) == MAX_ROWS
        assert predictor._targets.max() == predictor.warp(utilities).max()
        np.testing.assert_array_equal(predictor._features[-1], features[-1])
