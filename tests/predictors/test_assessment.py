"""How good the predictions are: within a search, and on held-back halves of NAS-Bench-201."""

from __future__ import annotations

import numpy as np
import pytest
from edges import EDGES
from events_data import data_path
from scipy.stats import kendalltau

from nni_nasplus import SearchSpace, UserError, registry
from nni_nasplus.predictors.assessment import assess, assess_all, held_back
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
