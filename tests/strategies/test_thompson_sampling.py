"""Thompson sampling, and what else chooses by a predictor."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from landscapes import GRID, Begun, proposals, score

from nni_nasplus import SearchSpace, UserError
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
    @pytest.mark.parametrize("predictor", ["gp", "forest"])
    def test_every_predictor_and_acquisition_beats_random_search_early(self, predictor, acquisition):
        def best(kind, seed, **options):
            return max(map(score, proposals(kind(GRID, seed=seed, **options), 25)))

        options = {"predictor": predictor, "acquisition": acquisition}
        ours = [best(ThompsonSampling, seed, **options) for seed in range(2)]
        random = [best(RandomSearch, seed) for seed in range(50)]
        assert np.mean(ours) > np.mean(random) + 1

    def test_it_needs_a_fraction_of_the_trainings_of_evolution(self):
        def needed(kind, seed):
            strategy, found, count = kind(GRID, seed=seed), 0.0, 0
            while found < 18 and count < 200:
                architecture = strategy.ask()
                found, count = score(architecture), count + 1
                strategy.tell(architecture, found)
            return count

        ours = np.mean([needed(ThompsonSampling, seed) for seed in range(5)])
        evolution = np.mean([needed(AgingEvolution, seed) for seed in range(5)])
        assert ours < evolution / 2

    def test_a_restored_search_goes_on_as_one_that_never_stopped(self):
        strategy = ThompsonSampling(GRID, seed=4)
        proposals(strategy, 75)
        restored = ThompsonSampling(GRID, seed=4)
        restored.load_state_dict(json.loads(json.dumps(strategy.state_dict())))
        assert proposals(restored, 5) == proposals(strategy, 5)

    def test_the_initial_design_is_spread_and_not_called_random(self):
        strategy = ThompsonSampling(GRID, seed=0, n_initial=4)
        first = [strategy.propose() for _ in range(4)]
        for proposal in first:
            strategy.tell(proposal.architecture, score(proposal.architecture))
        assert strategy.propose().origin == "ei"
        assert [p.origin for p in first] == ["random", "design", "design", "design"]
        apart = [sum(a.architecture[n] != b.architecture[n] for n in GRID.decisions) for a, b in combinations(first, 2)]
        assert min(apart) >= 4

    def test_where_samples_are_what_works_it_keeps_to_them_and_their_neighbours(self, monkeypatch):
        class Known(SearchSpace):
            sampled_prior = True

        strategy = ThompsonSampling(Known(GRID.decisions), seed=0, n_initial=4)
        first = [strategy.propose() for _ in range(4)]
        assert [p.origin for p in first] == ["random"] * 4
        for proposal in first:
            strategy.tell(proposal.architecture, score(proposal.architecture))
        calls = []
        for method in ("around", "sample", "climb"):
            monkeypatch.setattr(CandidatePool, method, recorded(method, calls))
        assert [strategy.propose().origin for _ in range(3)] == ["ei"] * 3
        assert calls == ["around", "around", "sample"]

    def test_the_initial_design_is_beside_the_starts(self):
        strategy = ThompsonSampling(Begun(GRID.decisions), seed=0, n_initial=2)
        origins = []
        for _ in range(6):
            proposal = strategy.propose()
            strategy.tell(proposal.architecture, score(proposal.architecture))
            origins.append(proposal.origin)
        assert origins == ["start"] * 3 + ["design"] * 2 + ["ei"]

    def test_what_is_in_flight_moves_the_next_proposals_apart(self):
        strategy = ThompsonSampling(GRID, seed=0)
        proposals(strategy, 12)
        assert len({GRID.key(strategy.ask()) for _ in range(8)}) == 8

    def test_failures_make_their_neighbourhood_less_attractive(self):
        def share(fails):
            strategy = ThompsonSampling(GRID, seed=1)
            for _ in range(60):
                a = strategy.ask()
                strategy.tell(a, None if fails and a["d0"] == 3 else score(a))
            return np.mean([o.architecture["d0"] == 3 for o in strategy.observations[30:]])

        assert share(fails=True) < share(fails=False) / 2

    def test_one_lucky_training_does_not_hold_the_search(self):
        rng, strategy = np.random.default_rng(0), ThompsonSampling(GRID, seed=3)
        for _ in range(60):
            a = strategy.ask()
            strategy.tell(a, score(a) + 2 * rng.normal())
        assert max(score(o.architecture) for o in strategy.observations) >= 16

    def test_a_prior_that_knows_the_answer_finds_it_at_once(self):
        rng = np.random.default_rng(0)
        hidden = {GRID.key(a): float(rng.normal()) for a in GRID}

        def found(**options):
            strategy = ThompsonSampling(GRID, seed=0, **options)
            for _ in range(40):
                strategy.tell(a := strategy.ask(), hidden[GRID.key(a)])
            return max(o.utility for o in strategy.observations)

        assert found(prior=lambda some: [hidden[GRID.key(a)] for a in some]) > found() + 0.3

    def test_what_a_score_ranks_first_is_trained_first_and_the_rest_of_the_start_is_spread(self):
        architectures = [dict.fromkeys(GRID.decisions, i) for i in range(4)]
        option = Ranking.of(architectures, [1.0, np.nan, np.inf, 5.0]).to_json(GRID)
        strategy = ThompsonSampling(GRID, seed=0, scored=option)
        first = [strategy.propose() for _ in range(4)]
        assert [p.origin for p in first] == ["score", "score", "design", "design"]
        assert [p.architecture["d0"] for p in first[:2]] == [2, 3]

    @pytest.mark.parametrize("sign", [1, -1])
    def test_a_score_of_some_architectures_helps_among_all_also_where_it_is_wrong_way_round(self, sign):
        rng = np.random.default_rng(1)
        weights = rng.normal(size=(6, 4))

        def hidden(a):
            return float(sum(weights[i, v] for i, v in enumerate(a.values())))

        drawn = [GRID.sample(rng) for _ in range(150)]
        option = Ranking.of(drawn, [sign * np.exp(9 * hidden(a)) for a in drawn]).to_json(GRID)

        def found(seed, **options):
            strategy = ThompsonSampling(GRID, seed=seed, **options)
            for _ in range(9):
                strategy.tell(a := strategy.ask(), hidden(a))
            return max(o.utility for o in strategy.observations)

        gain = [found(seed, scored=option) - found(seed) for seed in range(4)]
        assert np.mean(gain) > 0.5

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"acquisition": "ucb"}, "acquisition is 'ucb'; choose one of ei, greedy, thompson"),
            ({"predictor": "oracle"}, "unknown predictor 'oracle'; available: catboost, forest, gp"),
            ({"n_initial": 1}, "n_initial is 1; use 2 or more"),
            ({"exploration": 0.0}, "exploration is 0.0; use more than 0"),
            ({"score": "magic"}, "unknown score 'magic'; scores: ntk, "),
            ({"score": "naswot", "pool": 9}, "pool is 9; use 10 to 300"),
            ({"score": "naswot", "pool": 301}, "pool is 301; use 10 to 300"),
            ({"pool": 50}, "pool has no effect without a score"),
            ({"scored": "many"}, "'scored' holds no scored architectures of this space"),
            ({"scored": {"architectures": [], "ranks": []}, "prior": len}, "both 'scored' and 'prior' are given"),
        ],
    )
    def test_bad_options_are_named(self, options, named):
        with pytest.raises(UserError, match=named):
            ThompsonSampling(GRID, **options)

    @pytest.mark.parametrize("options", [{"n_initial": "many"}, {"prior": "x"}, {"score": ["ntk"]}])
    def test_an_option_of_a_wrong_kind_is_named(self, options):
        with pytest.raises(UserError, match=next(iter(options))):
            make_strategy("thompson", GRID, seed=0, direction="maximize", options=options)
