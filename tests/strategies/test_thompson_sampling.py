"""Thompson sampling, and what else chooses by a predictor."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from landscapes import GRID, Begun, score, trained

from nni_nasplus import Journal, Search, SearchSpace, UserError
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.strategies import AgingEvolution, RandomSearch, ThompsonSampling
from nni_nasplus.strategies.candidates import CandidatePool


def recorded(method, calls):
    """The method of a pool of candidates, which notes its calls, and how many rounds it climbs."""
    original = getattr(CandidatePool, method)

    def noting(pool, *given):
        calls.append((method, given[1]) if method == "climb" else method)
        return original(pool, *given)

    return noting


class TestThompsonSampling:
    @pytest.mark.parametrize("acquisition", ["ei", "greedy", "thompson"])
    @pytest.mark.parametrize("predictor", ["gp", pytest.param("forest", marks=pytest.mark.slow)])
    def test_every_predictor_and_acquisition_beats_random_search_early(self, predictor, acquisition):
        def best(strategy, seed):
            return max(map(score, trained(Search(GRID, strategy, seed=seed), 25)))

        strategy = ThompsonSampling(predictor=predictor, acquisition=acquisition)
        ours = [best(strategy, seed) for seed in range(2)]
        random = [best(RandomSearch(), seed) for seed in range(50)]
        assert np.mean(ours) > np.mean(random) + 1

    def test_it_needs_a_fraction_of_the_trainings_of_evolution(self):
        def needed(strategy, seed):
            search, found, count = Search(GRID, strategy, seed=seed), 0.0, 0
            while found < 18 and count < 200:
                trial = search.ask()
                found, count = score(trial.architecture), count + 1
                search.tell(trial, found)
            return count

        ours = np.mean([needed(ThompsonSampling(), seed) for seed in range(5)])
        evolution = np.mean([needed(AgingEvolution(), seed) for seed in range(5)])
        assert ours < evolution / 2

    def test_a_restored_search_goes_on_as_one_that_never_stopped(self, tmp_path):
        search = Search(GRID, ThompsonSampling(), seed=4, journal=Journal.create(tmp_path / "j.jsonl", GRID))
        trained(search, 75)
        search.journal.close()
        restored = Search(GRID, ThompsonSampling(), seed=4, journal=Journal.open(tmp_path / "j.jsonl"))
        expected = search.propose()
        assert restored.propose() == expected
        assert trained(restored, 5)[0] == expected.architecture

    def test_the_initial_design_is_spread_and_not_called_random(self):
        search = Search(GRID, ThompsonSampling(n_initial=4), seed=0)
        first = [search.ask() for _ in range(4)]
        for trial in first:
            search.tell(trial, score(trial.architecture))
        assert search.ask().origin == "ei"
        assert [p.origin for p in first] == ["random", "design", "design", "design"]
        apart = [sum(a.architecture[n] != b.architecture[n] for n in GRID.decisions) for a, b in combinations(first, 2)]
        assert min(apart) >= 4

    def test_where_samples_are_what_works_it_keeps_to_them_and_their_neighbours(self, monkeypatch):
        class Known(SearchSpace):
            sampled_prior = True

        search = Search(Known(GRID.decisions), ThompsonSampling(n_initial=4), seed=0)
        first = [search.ask() for _ in range(4)]
        assert [trial.origin for trial in first] == ["random"] * 4
        for trial in first:
            search.tell(trial, score(trial.architecture))
        calls = []
        for method in ("around", "sample", "climb"):
            monkeypatch.setattr(CandidatePool, method, recorded(method, calls))
        assert [search.ask().origin for _ in range(3)] == ["ei"] * 3
        assert calls == ["around", "around", "sample"]

    def test_the_initial_design_is_beside_what_the_search_begins_with(self):
        search = Search(Begun(GRID.decisions), ThompsonSampling(n_initial=2), seed=0)
        trained(search, 6)
        origins = [trial.origin for trial in search.history.trials]
        assert origins == ["initial"] * 3 + ["design"] * 2 + ["ei"]

    def test_what_is_in_flight_moves_the_next_proposals_apart(self):
        search = Search(GRID, ThompsonSampling(), seed=0)
        trained(search, 12)
        assert len({GRID.key(search.ask().architecture) for _ in range(8)}) == 8

    def test_failures_make_their_neighbourhood_less_attractive(self):
        def share(fails):
            search = Search(GRID, ThompsonSampling(), seed=1)
            for _ in range(60):
                trial = search.ask()
                search.tell(trial, None if fails and trial.architecture["d0"] == 3 else score(trial.architecture))
            return np.mean([trial.architecture["d0"] == 3 for trial in search.history.trials[30:]])

        assert share(fails=True) < share(fails=False) / 2

    def test_one_lucky_training_does_not_hold_the_search(self):
        rng, search = np.random.default_rng(0), Search(GRID, ThompsonSampling(), seed=3)
        for _ in range(60):
            trial = search.ask()
            search.tell(trial, score(trial.architecture) + 2 * rng.normal())
        assert max(score(trial.architecture) for trial in search.history.trials) >= 16

    def test_a_prior_that_knows_the_answer_finds_it_at_once(self):
        rng = np.random.default_rng(0)
        hidden = {GRID.key(a): float(rng.normal()) for a in GRID}

        def found(**options):
            search = Search(GRID, ThompsonSampling(**options), seed=0)
            for _ in range(40):
                trial = search.ask()
                search.tell(trial, hidden[GRID.key(trial.architecture)])
            return search.history.best[0].score

        assert found(prior=lambda some: [hidden[GRID.key(a)] for a in some]) > found() + 0.3

    def test_what_a_proxy_ranks_first_is_trained_first_and_the_rest_of_the_start_is_spread(self):
        architectures = [dict.fromkeys(GRID.decisions, i) for i in range(4)]
        ranking = Ranking.of(architectures, [1.0, np.nan, np.inf, 5.0])
        search = Search(GRID, ThompsonSampling(), seed=0, ranking=ranking)
        first = [search.ask() for _ in range(4)]
        assert [p.origin for p in first] == ["presearch", "presearch", "design", "design"]
        assert [p.architecture["d0"] for p in first[:2]] == [2, 3]

    @pytest.mark.parametrize("sign", [1, -1])
    def test_a_proxy_of_some_architectures_helps_among_all_also_where_it_is_wrong_way_round(self, sign):
        rng = np.random.default_rng(1)
        weights = rng.normal(size=(6, 4))

        def hidden(a):
            return float(sum(weights[i, v] for i, v in enumerate(a.values())))

        drawn = [GRID.sample(rng) for _ in range(150)]
        known = Ranking.of(drawn, [sign * np.exp(9 * hidden(a)) for a in drawn])

        def found(seed, ranking=None):
            search = Search(GRID, ThompsonSampling(), seed=seed, ranking=ranking)
            for _ in range(9):
                trial = search.ask()
                search.tell(trial, hidden(trial.architecture))
            return search.history.best[0].score

        gain = [found(seed, known) - found(seed) for seed in range(4)]
        assert np.mean(gain) > 0.5

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"acquisition": "pi"}, "acquisition is 'pi'; choose one of ei, greedy, thompson, ucb"),
            (
                {"predictor": "oracle"},
                "unknown predictor 'oracle'; available: auto, bananas, boosting, catboost, forest, gcn, gp, npenas, wl",
            ),
            ({"n_initial": 1}, "n_initial is 1; use 2 or more"),
            ({"exploration": 0.0}, "exploration is 0.0; use more than 0"),
            ({"proxy": "magic"}, "unknown proxy 'magic'; available: flops, "),
            ({"proxy": "naswot", "pool": 9}, "pool is 9; use 10 to 300"),
            ({"proxy": "naswot", "pool": 301}, "pool is 301; use 10 to 300"),
            ({"pool": 50}, "pool has no effect without a proxy"),
            ({"proxy": "naswot", "prior": len}, "both 'proxy' and 'prior' are given"),
        ],
    )
    def test_bad_options_are_named(self, options, named):
        with pytest.raises(UserError, match=named):
            ThompsonSampling(**options)

    @pytest.mark.parametrize("options", [{"n_initial": "many"}, {"prior": "x"}, {"proxy": ["ntk"]}])
    def test_an_option_of_a_wrong_kind_is_named(self, options):
        with pytest.raises(UserError, match=next(iter(options))):
            make_strategy("thompson", options)
