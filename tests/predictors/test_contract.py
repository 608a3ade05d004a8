"""The contract of every predictor."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import numpy as np
import pytest
from edges import EDGES, trained
from scipy.stats import kendalltau

from nni_nasplus import Search, registry
from nni_nasplus.predictors.assessment import held_back
from nni_nasplus.predictors.base import MAX_ROWS, Predictor
from nni_nasplus.strategies import RandomSearch, ThompsonSampling


class Nearest(Predictor):
    """What near architectures reached, by the number of decisions that differ: it knows no features."""

    def _learn(self, architectures, targets):
        self._known = architectures, targets

    def predict(self, architectures):
        near = np.exp([[-2.0 * self._apart(a, b) for b in self._known[0]] for a in architectures])
        return near @ self._known[1] / near.sum(1), 0.01 + 0.2 / (1 + near.sum(1))

    def sample(self, architectures, count, rng):
        mean, std = self.predict(architectures)
        return mean + rng.normal(size=(count, 1)) * std

    def _apart(self, one, other):
        return sum(one.get(name) != other.get(name) for name in self.space.decisions)


@pytest.fixture
def with_nearest(monkeypatch):
    """One more predictor, as a package would bring it by an entry point."""
    entry, real = EntryPoint("nearest", f"{__name__}:Nearest", "nni_nasplus.predictors"), registry.entry_points
    monkeypatch.setattr(registry, "entry_points", lambda group: [*real(group=group), entry])


SLOW_TO_FIT = ("auto", "gcn", "npenas")
NAMES = [
    *(pytest.param(n, marks=[pytest.mark.system] * (n in SLOW_TO_FIT)) for n in registry.available("predictors")),
    "nearest",
]


@pytest.fixture(params=NAMES)
def kind(request, with_nearest):
    if request.param in ("catboost", "xgboost"):
        pytest.importorskip(request.param)
    return registry.load("predictors", request.param)


def reached(architecture):
    """Convolutions help; an architecture that begins and ends with a pooling fails."""
    if architecture["edge0"] == architecture["edge4"] == "pool":
        return None
    return float(list(architecture.values()).count("conv"))


class TestContract:
    def test_equal_fits_predict_alike_and_do_not_depend_on_the_fit_before(self, kind):
        architectures, utilities = trained(40)
        used, new = kind(EDGES, seed=3), kind(EDGES, seed=3)
        used.fit(architectures[:20], utilities[:20])
        for predictor in (used, new):
            predictor.fit(architectures, utilities)
        np.testing.assert_array_equal(used.predict(architectures), new.predict(architectures))

    def test_a_fit_on_other_results_of_the_same_number_forgets_those_before(self, kind):
        architectures, utilities = trained(40)
        used, new = kind(EDGES, seed=3), kind(EDGES, seed=3)
        used.fit(architectures[:20], utilities[::-1][:20])
        for predictor in (used, new):
            predictor.fit(architectures[20:], utilities[20:])
        np.testing.assert_array_equal(used.predict(architectures), new.predict(architectures))

    def test_utilities_of_the_other_sign_turn_the_order_round(self, kind):
        architectures, utilities = trained(80)
        for sign in (1, -1):
            predictor = kind(EDGES)
            predictor.fit(architectures, sign * utilities)
            assert kendalltau(predictor.predict(architectures)[0], sign * utilities).statistic > 0.6

    def test_equal_generators_draw_equal_samples(self, kind):
        architectures, utilities = trained(30)
        predictor = kind(EDGES)
        predictor.fit(architectures, utilities)
        one, same, other = (predictor.sample(architectures, 3, np.random.default_rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()

    def test_it_learns_the_order_of_architectures_held_back(self, kind):
        architectures, utilities = trained(120, noise=0.1)
        mean, _ = held_back(kind(EDGES), (architectures[:80], utilities[:80]), (architectures[80:], utilities[80:]))
        assert kendalltau(mean, utilities[80:]).statistic > 0.6

    def test_samples_are_coherent_functions_equal_for_equal_architectures(self, kind):
        architectures, utilities = trained(40)
        predictor = kind(EDGES)
        predictor.fit(architectures, utilities)
        twice = architectures[:5] * 2
        samples = predictor.sample(twice, 6, np.random.default_rng(0))
        assert samples.shape == (6, 10)
        np.testing.assert_allclose(samples[:, :5], samples[:, 5:], atol=0.1)

    def test_what_is_believed_hardly_moves_the_mean_and_no_result_is_added(self, kind):
        architectures, utilities = trained(60)
        predictor = kind(EDGES)
        predictor.fit(architectures[:50], utilities[:50])
        before = predictor.predict(architectures)
        believer = predictor.believe(architectures[50:])
        np.testing.assert_array_equal(predictor.predict(architectures), before)
        assert kendalltau(believer.predict(architectures)[0], before[0]).statistic > 0.7

    def test_constant_utilities_and_one_result_are_no_trouble(self, kind):
        architectures, utilities = trained(12)
        for results in (utilities * 0.0, utilities[:1]):
            predictor = kind(EDGES)
            predictor.fit(architectures[: len(results)], results)
            assert np.isfinite(predictor.predict(architectures)).all()

    def test_more_results_than_it_takes_keep_the_best_and_the_latest(self, kind):
        architectures, utilities = trained(MAX_ROWS + 200)
        predictor = kind(EDGES)
        predictor.fit(architectures, utilities)
        assert len(predictor._targets) == MAX_ROWS
        assert predictor._targets.max() == predictor.warp(utilities).max()
        assert predictor._architectures[-1] == architectures[-1]


@pytest.mark.parametrize("acquisition", ["ei", "greedy", "thompson", "ucb"])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_predictor_without_features_guides_a_search_with_failures(with_nearest, acquisition, direction):
    def proposed(strategy):
        search, found = Search(EDGES, strategy, seed=1, direction=direction), []
        for _ in range(40):
            trial = search.ask()
            found.append(trial.architecture)
            utility = reached(found[-1])
            search.tell(trial, utility if utility is None or direction == "maximize" else -utility)
        return found

    strategy = ThompsonSampling(predictor="nearest", acquisition=acquisition)
    ours, random = proposed(strategy), proposed(RandomSearch())
    assert ours == proposed(strategy)
    assert max(reached(a) or 0.0 for a in ours) == 5.0
    assert max(reached(a) or 0.0 for a in random) < 5.0
