"""How good the predictions are: within a search, and on held-back halves of NAS-Bench-201."""

from __future__ import annotations

import numpy as np
import pytest
from edges import EDGES
from events_data import data_path
from scipy.stats import kendalltau

from nni_nasplus import SearchSpace, UserError, registry
from nni_nasplus.predictors.assessment import Agreement, agreement, assess, assess_all, held_back, margin_of_chance
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.trial import Observation


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

    def test_a_summary_takes_every_quick_predictor_and_leaves_slow_ones_out(self):
        rng = np.random.default_rng(0)
        found = assess_all(EDGES, [Observation(EDGES.sample(rng), float(rng.normal()), None) for _ in range(12)])
        assert {"boosting", "forest", "gp", "wl"} <= set(found)
        assert not {"auto", "bananas", "gcn", "npenas"} & set(found)

    def test_an_order_from_before_is_compared_with_what_was_trained_of_it(self):
        rng = np.random.default_rng(0)
        ranked = [EDGES.sample(rng) for _ in range(6)]
        ranking, scores = Ranking.of(ranked, np.arange(6.0)), np.array([0.0, 2.0, 1.0, 3.0])
        trials = [Observation(one, float(score), None) for one, score in zip(ranked, scores, strict=False)]
        others = [Observation(EDGES.sample(rng), 9.0, None), Observation(ranked[5], None, None)]
        assert agreement(ranking, EDGES, trials + others) == Agreement(pytest.approx(2 / 3), 4)
        assert agreement(ranking, EDGES, trials[:2]) is None
        assert agreement(None, EDGES, trials) is None
        assert agreement(Ranking.of(ranked, [0.0] * 6), EDGES, trials) is None


@pytest.mark.parametrize(
    "dataset", ["cifar10", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cifar100", "imagenet16_120"))]
)
@pytest.mark.parametrize("name", ["gp", "forest"])
def test_predictors_are_calibrated_on_held_back_halves_of_nas_bench_201(name, dataset):
    with np.load(data_path("nas/nb201_200ep.npz"), allow_pickle=False) as table:
        names, scores = table["ops"][table["arch"]], np.nanmean(table[f"val_acc_{dataset}"], axis=1)
        space = SearchSpace({f"edge{i}": table["ops"].tolist() for i in range(6)})
    shares, taus = [], []
    for seed in range(3):
        rows = np.random.default_rng(seed).choice(len(names), 300, replace=False)
        architectures = [dict(zip(space.decisions, names[row], strict=True)) for row in rows]
        known, unknown = ((architectures[part], scores[rows][part]) for part in (slice(0, 150), slice(150, None)))
        mean, residual = held_back(registry.load("predictors", name)(space, seed=seed), known, unknown)
        shares.append((np.abs(residual) <= 1).mean())
        taus.append(kendalltau(mean, unknown[1]).statistic)
    assert 0.55 < np.mean(shares) < 0.85
    assert np.mean(taus) > 0.6


@pytest.mark.parametrize("sizes", [[2] * 5, [6] * 5, [9, 9, 8, 8, 8]])
def test_the_interval_of_a_predictor_that_knows_nothing_has_chance_in_it_in_95_of_100_searches(sizes):
    rng = np.random.default_rng(0)
    means = [np.mean([kendalltau(*rng.normal(size=(2, n))).statistic for n in sizes]) for _ in range(400)]
    assert np.mean(np.abs(means) <= margin_of_chance(sizes) + 1e-9) == pytest.approx(0.95, abs=0.05)
