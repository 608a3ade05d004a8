"""The contract of every strategy, and the facts of each."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus import SearchSpace, SearchSpaceExhausted, UserError, registry
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.strategies import AgingEvolution, RandomSearch, ThompsonSampling
from nni_nasplus.strategies.candidates import CandidatePool

STRATEGIES = {name: registry.load("strategies", name) for name in registry.available("strategies")}
SMALL = SearchSpace({"op": ["a", "b", "c"], "heads": [1, 2]}, {"heads": {"op": ["a"]}})
GRID = SearchSpace({f"d{i}": list(range(4)) for i in range(6)})
STARTS = [GRID.sample(np.random.default_rng(i)) for i in range(3)]


def score(architecture):
    """A smooth landscape over GRID with its best at all threes."""
    return float(sum(architecture.values()))


def scored(space, count=20):
    """The option of some architectures of a space with a score of theirs, here and there none or an infinite one."""
    rng = np.random.default_rng(0)
    drawn = list({space.key(a): a for a in (space.sample(rng) for _ in range(count))}.values())
    utilities = [
        [np.nan, np.inf, -np.inf, len(str(a)) + sum(map(len, map(str, a.values())))][i % 4] for i, a in enumerate(drawn)
    ]
    return Ranking.of(drawn, utilities).to_json(space)


def with_scored(kind):
    """A strategy that is given a pool of scored architectures of its space."""
    return lambda space, **options: kind(space, scored=scored(space), **options)


STRATEGIES |= {f"{name}, scored": with_scored(STRATEGIES[name]) for name in ("score", "thompson")}


@pytest.fixture(params=sorted(STRATEGIES))
def kind(request):
    return STRATEGIES[request.param]


def proposals(strategy, count):
    out = []
    for _ in range(count):
        architecture = strategy.ask()
        strategy.tell(architecture, score(architecture))
        out.append(architecture)
    return out


def test_equal_seeds_reproduce_and_others_do_not(kind):
    first = proposals(kind(GRID, seed=1), 30)
    assert first == proposals(kind(GRID, seed=1), 30)
    assert first != proposals(kind(GRID, seed=2), 30)


@pytest.mark.parametrize("count", [110, pytest.param(500, marks=pytest.mark.slow)])
def test_asynchronous_proposals_are_canonical_and_never_repeat(kind, count):
    strategy, rng, keys = kind(GRID, seed=0), np.random.default_rng(0), set()
    for asked in range(count):
        architecture = strategy.ask()
        assert architecture == GRID.validate(architecture)
        keys.add(GRID.key(architecture))
        while len(strategy.pending) > rng.integers(1, 8):
            told = strategy.pending[rng.integers(len(strategy.pending))]
            strategy.tell(told, None if asked < 100 and rng.random() < 0.1 else score(told) + rng.normal())
    assert len(keys) == count


@settings(deadline=None, max_examples=15)
@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 7)), max_size=40),
    st.sampled_from([None, [], STARTS]),
)
@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_state_survives_save_and_load_at_any_moment_with_many_in_flight(name, seed, steps, starts):
    strategy = STRATEGIES[name](GRID, seed=seed, starts=starts)
    for ask, fail, which in steps:
        if ask or not strategy.pending:
            strategy.ask()
        else:
            told = strategy.pending[which % len(strategy.pending)]
            strategy.tell(told, None if fail else score(told), cost=1.0)
    restored = STRATEGIES[name](GRID, seed=seed, starts=starts)
    restored.load_state_dict(json.loads(json.dumps(strategy.state_dict())))
    assert restored.pending == strategy.pending
    assert restored.observations == strategy.observations
    assert [restored.ask() for _ in range(5)] == [strategy.ask() for _ in range(5)]


def test_a_small_space_is_exhausted_completely_and_cleanly(kind):
    strategy = kind(SMALL, seed=0)
    seen = []
    with pytest.raises(SearchSpaceExhausted):
        while True:
            seen.append(strategy.ask())
            strategy.tell(seen[-1], 0.5)
    assert sorted(map(SMALL.key, seen)) == sorted(map(SMALL.key, SMALL))


def test_exhaustion_with_everything_in_flight(kind):
    strategy = kind(SMALL, seed=0)
    for _ in range(4):
        strategy.ask()
    with pytest.raises(SearchSpaceExhausted):
        strategy.ask()


def test_failures_never_come_back_and_do_not_stop_the_search(kind):
    strategy = kind(SMALL, seed=3)
    asked = []
    for _ in range(4):
        asked.append(strategy.ask())
        strategy.tell(asked[-1], None)
    assert len({SMALL.key(a) for a in asked}) == 4
    assert strategy.succeeded == []


def test_minimising_the_negative_is_maximising(kind):
    up, down = kind(GRID, seed=5), kind(GRID, seed=5, direction="minimize")
    for _ in range(40):
        a, b = up.ask(), down.ask()
        assert a == b
        up.tell(a, score(a))
        down.tell(b, -score(b))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_refused(kind, wrong):
    strategy = kind(GRID)
    with pytest.raises(ValueError, match="None"):
        strategy.tell(strategy.ask(), wrong)


def test_a_second_result_is_refused(kind):
    strategy = kind(GRID)
    architecture = strategy.ask()
    strategy.tell(architecture, 1.0)
    with pytest.raises(ValueError, match="told before"):
        strategy.tell(architecture, 2.0)


def test_results_from_elsewhere_are_taken_and_not_proposed_again(kind):
    strategy = kind(SMALL, seed=0)
    strategy.tell({"op": "b"}, 0.9)
    rest = [strategy.ask() for _ in range(3)]
    assert {"op": "b"} not in rest


def test_what_is_not_feasible_is_never_proposed_and_what_is_left_is_exhausted_cleanly(kind):
    strategy = kind(GRID, seed=0, feasible=lambda a: a["d0"] == a["d1"] == a["d2"] == 0)
    seen = set()
    with pytest.raises(SearchSpaceExhausted, match="limits"):
        while True:
            architecture = strategy.ask()
            assert score(architecture) == sum(architecture[f"d{i}"] for i in (3, 4, 5))
            seen.add(GRID.key(architecture))
            strategy.tell(architecture, score(architecture))
    assert len(seen) == 4**3


class Begun(SearchSpace):
    """A space that has something to start from."""

    starts = STARTS


def test_what_is_in_use_already_is_proposed_first_unless_told_before_or_not_feasible(kind):
    strategy = kind(GRID, seed=0, starts=STARTS)
    assert [strategy.propose() for _ in STARTS] == [(start, "start") for start in STARTS]
    assert strategy.propose().origin != "start"
    strategy = kind(GRID, seed=0, starts=STARTS, feasible=lambda architecture: architecture != STARTS[1])
    strategy.tell(STARTS[0], 1.0)
    assert strategy.ask() == STARTS[2]


def test_a_start_outside_the_space_is_named(kind):
    with pytest.raises(UserError, match="decision 'd0' cannot be 7"):
        kind(GRID, seed=0, starts=[{**STARTS[0], "d0": 7}])


def test_strategies_that_learn_begin_with_what_the_space_names(kind):
    strategy = kind(Begun(GRID.decisions), seed=0)
    assert (strategy.propose().origin == "start") == strategy.learns
    assert kind(Begun(GRID.decisions), seed=0, starts=[]).propose().origin != "start"


def test_bad_arguments_are_named(kind):
    with pytest.raises(ValueError, match="direction"):
        kind(GRID, direction="up")
    with pytest.raises(ValueError, match="seed"):
        kind(GRID, seed=-1)


def test_the_smallest_use():
    space = SearchSpace({"op0": ["conv", "pool"], "op1": ["conv", "pool", "skip"]})
    s = AgingEvolution(space, seed=0, direction="maximize")
    a = s.ask()
    assert set(a) == {"op0", "op1"}
    s.tell(a, 0.91)
    s.tell(s.ask(), None)


class TestAgingEvolution:
    def run(self, cycles, population=10, sample=3, seed=0):
        strategy = AgingEvolution(GRID, seed=seed, population_size=population, sample_size=sample)
        for _ in range(cycles):
            before = list(strategy.population)
            proposal = strategy.propose()
            strategy.tell(proposal.architecture, score(proposal.architecture))
            yield strategy, before, proposal

    def test_the_population_is_always_full_and_every_member_dies_after_p_births(self):
        born = []
        for strategy, _, proposal in self.run(60):
            born.append(proposal.architecture)
            assert [o.architecture for o in strategy.population] == born[-10:]

    def test_children_differ_from_a_member_in_one_decision(self):
        for _, before, proposal in self.run(60):
            if proposal.origin == "mutation":
                distances = [sum(o.architecture[n] != v for n, v in proposal.architecture.items()) for o in before]
                assert min(distances) == 1

    def test_with_s_equal_to_p_the_parent_is_the_best_of_the_population(self):
        for _, before, proposal in self.run(40, population=5, sample=5):
            if proposal.origin == "mutation":
                best = max(o.utility for o in before)
                parents = [o.architecture for o in before if o.utility == best]
                assert 1 in [sum(p[n] != v for n, v in proposal.architecture.items()) for p in parents]

    def test_the_first_p_are_random_and_failures_are_replaced(self):
        strategy = AgingEvolution(GRID, population_size=4, sample_size=2)
        origins = []
        for i in range(8):
            proposal = strategy.propose()
            origins.append(proposal.origin)
            strategy.tell(proposal.architecture, None if i < 2 else 1.0)
        assert origins == ["random"] * 6 + ["mutation"] * 2

    def test_running_trials_count_towards_the_first_population(self):
        strategy = AgingEvolution(GRID, population_size=4, sample_size=2)
        first = [strategy.ask() for _ in range(4)]
        strategy.tell(first[0], 1.0)
        assert strategy.propose().origin == "mutation"

    def test_it_beats_random_search_over_50_seeds(self):
        def best(kind, seed):
            return max(map(score, proposals(kind(GRID, seed=seed), 80)))

        ours = np.array([best(AgingEvolution, seed) for seed in range(50)])
        random = np.array([best(RandomSearch, seed) for seed in range(50)])
        assert ours.mean() > random.mean() + 3 * (ours - random).std() / np.sqrt(50)

    def test_sizes_are_checked(self):
        with pytest.raises(UserError, match="sample_size is 5"):
            AgingEvolution(GRID, population_size=4, sample_size=5)


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
