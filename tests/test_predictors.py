"""The contract of every predictor, the facts of each, and their calibration on NAS-Bench-201."""

from __future__ import annotations

import numpy as np
import pytest
from events_data import data_path
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, multivariate_normal

from nni_nasplus import SearchSpace, UserError, registry
from nni_nasplus.predictors import GaussianProcess
from nni_nasplus.predictors.assessment import assess, assess_all, held_back
from nni_nasplus.predictors.base import MAX_ROWS
from nni_nasplus.predictors.features import Featurizer
from nni_nasplus.predictors.warp import Warp
from nni_nasplus.search.strategy import Observation

EDGES = SearchSpace({f"edge{i}": ["none", "skip", "conv", "pool"] for i in range(5)})
NESTED = SearchSpace(
    {"op": ["conv", "attention"], "heads": [1, 2, 4], "depth": [1, 2]}, {"heads": {"op": ["attention"]}}
)


def trained(count, seed=0, noise=0.0):
    """Features and utilities of random architectures whose convolutions help, most of all on the first edge."""
    rng = np.random.default_rng(seed)
    architectures = [EDGES.sample(rng) for _ in range(count)]
    utilities = [sum(v == "conv" for v in a.values()) + 2.0 * (a["edge0"] == "conv") for a in architectures]
    return EDGES.features(architectures), np.array(utilities) + noise * rng.standard_normal(count)


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


class TestGaussianProcess:
    def test_its_posterior_is_the_textbooks(self):
        features, utilities = trained(15)
        gp = GaussianProcess(EDGES.feature_groups)
        gp.fit(features[:12], utilities[:12])

        def kernel(a, b):
            distance = (((a[:, None] - b[None]) ** 2) * gp.relevances[EDGES.feature_groups]).sum(-1)
            return np.exp(gp._parameters[-2]) * np.exp(-distance) + 10.0

        known, new = features[:12], features[12:]
        inverse = np.linalg.inv(kernel(known, known) + (gp.noise**2 + 1e-6) * np.eye(12))
        mean = kernel(new, known) @ inverse @ gp.warp(utilities[:12])
        variance = np.diag(kernel(new, new) - kernel(new, known) @ inverse @ kernel(known, new))
        np.testing.assert_allclose(gp.predict(new)[0], mean, atol=1e-6)
        np.testing.assert_allclose(gp.predict(new)[1] ** 2, variance, atol=2e-6)

    def test_the_loss_is_the_marginal_likelihood_and_its_gradient_the_difference_quotient(self):
        features, utilities = trained(15)
        gp, targets = GaussianProcess(EDGES.feature_groups), Warp.of(utilities)(utilities)
        point = gp._prior_mean + 0.3 * np.arange(len(gp._prior_mean)) / len(gp._prior_mean)
        loss, gradient = gp._loss(point, features, targets)
        for i, step in enumerate(1e-5 * np.eye(len(point))):
            rise = gp._loss(point + step, features, targets)[0] - gp._loss(point - step, features, targets)[0]
            assert gradient[i] == pytest.approx(rise / 2e-5, rel=1e-4, abs=1e-5)
        gp._set(point)
        covariance = gp._kernel(features * gp._root, None) + (gp.noise**2 + 1e-6) * np.eye(15)
        away = (point - gp._prior_mean) / gp._prior_std
        density = multivariate_normal(np.zeros(15), covariance).logpdf(targets) - 0.5 * away @ away
        assert -loss - 7.5 * np.log(2 * np.pi) == pytest.approx(density)

    def test_the_decision_that_matters_is_the_most_relevant(self):
        features, utilities = trained(150)
        gp = GaussianProcess(EDGES.feature_groups)
        gp.fit(features, utilities)
        assert gp.relevances[: len(EDGES.decisions)].argmax() == 0

    def test_samples_have_the_posteriors_mean_and_deviation(self):
        features, utilities = trained(30)
        gp = GaussianProcess(EDGES.feature_groups)
        gp.fit(features[:15], utilities[:15])
        mean, std = gp.predict(features)
        samples = gp.sample(features, 4000, np.random.default_rng(0))
        np.testing.assert_allclose(samples.mean(0), mean, atol=0.1)
        np.testing.assert_allclose(samples.std(0), std, atol=0.1)

    def test_believing_leaves_the_mean_and_takes_uncertainty_away(self):
        features, utilities = trained(40)
        gp = GaussianProcess(EDGES.feature_groups)
        gp.fit(features[:15], utilities[:15])
        believer = gp.believe(features[15:20])
        np.testing.assert_allclose(believer.predict(features)[0], gp.predict(features)[0], atol=1e-5)
        assert (believer.predict(features)[1] <= gp.predict(features)[1] + 1e-6).all()
        assert believer.predict(features[15:20])[1].sum() < gp.predict(features[15:20])[1].sum()

    def test_an_inactive_decision_says_nothing(self):
        gp = GaussianProcess(NESTED.feature_groups)
        rows = NESTED.features([{"op": "conv", "depth": 1}, {"op": "conv", "depth": 2}])
        group = list(NESTED.decisions).index("heads")
        assert (rows[:, NESTED.feature_groups == group] == 0).all()
        assert np.isfinite(gp.predict(rows)).all()


class TestWarp:
    @settings(deadline=None)
    @given(
        st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30, unique=True), st.floats(-2e3, 2e3), st.floats(0, 1e3)
    )
    def test_it_keeps_every_order_also_beyond_the_best(self, utilities, low, gap):
        warp = Warp.of(np.array(utilities))
        assert warp(np.array([low]))[0] <= warp(np.array([low + gap]))[0]

    def test_known_utilities_have_mean_0_and_deviation_1_and_a_collapse_is_not_far_away(self):
        utilities = np.array([0.90, 0.91, 0.92, 0.93, 0.94, 0.10])
        warped = Warp.of(utilities)(utilities)
        assert warped.mean() == pytest.approx(0)
        assert warped.std() == pytest.approx(1)
        collapsed = (warped[0] - warped[5]) / (warped[4] - warped[0])
        assert collapsed < (0.90 - 0.10) / (0.94 - 0.90) / 5


class TestFeatures:
    def test_counts_say_how_often_a_choice_occurs_and_scale_weighs_both_kinds_alike(self):
        rng = np.random.default_rng(0)
        architectures = [EDGES.sample(rng) for _ in range(400)]
        features = EDGES.features(architectures)
        counts = features[:, EDGES.feature_groups >= len(EDGES.decisions)]
        for column, choice in zip(counts.T, EDGES.decisions["edge0"], strict=True):
            expected = [list(a.values()).count(choice) for a in architectures]
            np.testing.assert_allclose(column / column[np.argmax(expected)] * max(expected), expected)
        ones = features[:, EDGES.feature_groups < len(EDGES.decisions)]
        assert ones.var(0).sum() / 2 == pytest.approx(counts.var(0).sum(), rel=0.1)

    def test_a_prior_is_a_feature_of_its_own(self):
        prior = Featurizer(EDGES, lambda some: [1e6 * list(a.values()).count("conv") for a in some])
        assert len(prior.groups) == len(EDGES.feature_groups) + 1
        few, many = prior([dict.fromkeys(EDGES.decisions, c) for c in ("none", "conv")])[:, -1]
        assert few < 0 < many

    def test_infinite_opinions_are_farther_than_all_others_and_leave_those_as_they_are(self):
        def counts(some):
            return np.array([float(list(a.values()).count("conv")) for a in some])

        def infinite(some):
            return np.array([{0.0: -np.inf, 5.0: np.inf}.get(n, n) for n in counts(some)])

        rows = [{f"edge{i}": "conv" if i < n else "none" for i in range(5)} for n in range(6)]
        plain, extreme = Featurizer(EDGES, counts)(rows)[:, -1], Featurizer(EDGES, infinite)(rows)[:, -1]
        assert (np.diff(extreme) > 0).all() and np.isfinite(extreme).all()
        steps = np.diff(extreme[1:5])
        np.testing.assert_allclose(steps, steps[0])
        assert extreme[5] - extreme[4] > steps[0] > 0.8 * np.diff(plain)[0]

    def test_a_prior_that_is_always_infinite_says_nothing(self):
        column = Featurizer(EDGES, lambda some: np.full(len(some), -np.inf))(list(EDGES)[:50])[:, -1]
        assert np.ptp(column) == 0

    def test_a_prior_that_is_no_number_is_named(self):
        with pytest.raises(UserError, match="prior is nan"):
            Featurizer(EDGES, lambda some: np.full(len(some), np.nan))


class TestAssessment:
    def test_a_search_that_is_all_noise_has_no_rank_correlation_and_says_so(self):
        rng = np.random.default_rng(1)
        trials = [Observation(EDGES.sample(rng), float(rng.normal()), None) for _ in range(150)]
        found = assess("gp", EDGES, trials)
        assert abs(found.kendall) < 0.25
        assert 0.55 < found.within_1 < 0.85

    def test_too_few_trials_are_named_and_left_out_of_a_summary(self):
        with pytest.raises(UserError, match="at least 10"):
            assess("gp", EDGES, [])
        assert assess_all(EDGES, []) == {}


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16_120"])
@pytest.mark.parametrize("name", ["gp", "forest"])
def test_predictors_are_calibrated_on_held_back_halves_of_nas_bench_201(name, dataset):
    with np.load(data_path("nas/nb201_200ep.npz"), allow_pickle=False) as table:
        names, scores = table["ops"][table["arch"]], np.nanmean(table[f"val_acc_{dataset}"], axis=1)
        space = SearchSpace({f"edge{i}": table["ops"].tolist() for i in range(6)})
    shares, taus = [], []
    for seed in range(3):
        rows = np.random.default_rng(seed).choice(len(names), 300, replace=False)
        features = space.features([dict(zip(space.decisions, names[row], strict=True)) for row in rows])
        known, unknown = slice(0, 150), slice(150, None)
        predictor = registry.load("predictors", name)(space.feature_groups, seed=seed)
        mean, residual = held_back(
            predictor, (features[known], scores[rows][known]), (features[unknown], scores[rows][unknown])
        )
        shares.append((np.abs(residual) <= 1).mean())
        taus.append(kendalltau(mean, scores[rows][unknown]).statistic)
    assert 0.55 < np.mean(shares) < 0.85
    assert np.mean(taus) > 0.6
