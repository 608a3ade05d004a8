"""BOHB: its densities, from which results they are made, and what it proposes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from budgeted_searches import crossing, parts_trained, search_of
from landscapes import GRID, score, trained

from nni_nasplus import History, Outcome, Proposal, Search, SearchSpace, UserError
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.strategies.bohb import BOHB, Density

BITS = SearchSpace({f"b{i}": [0, 1] for i in range(5)})
MIXED = SearchSpace({"op": ["a", "b", "c"], "heads": [1, 2], "fixed": ["one"], "width": [8, 16, 32, 64]})
ENOUGH = 2 * (6 + 1)
"""Results of GRID, which has six decisions."""


def drawn(space, count, seed=0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


def history_of(results, space=GRID):
    """Trials that went to so many epochs each, with a score or none."""
    history = History(space)
    for architecture, epochs, value in results:
        history.tell(history.ask(Proposal(architecture, epochs=epochs)).number, Outcome(score=value))
    return history


def distinct(count):
    return list({GRID.key(one): one for one in drawn(GRID, 10 * count)}.values())[:count]


def test_a_density_sums_to_one():
    density = Density(MIXED, drawn(MIXED, 7))
    assert np.exp(density.log(list(MIXED))).sum() == pytest.approx(1.0)


def test_of_two_choices_a_bandwidth_is_the_normal_reference_of_their_codes():
    points = drawn(BITS, 30)
    codes = np.array([list(point.values()) for point in points])
    expected = 1.06 * codes.std(axis=0) * 30 ** (-1 / (4 + 5))
    assert Density(BITS, points).bandwidths == pytest.approx(expected)


def test_the_order_of_choices_changes_no_density():
    turned = SearchSpace({name: choices[::-1] for name, choices in MIXED.decisions.items()})
    points, others = drawn(MIXED, 9), drawn(MIXED, 5, seed=1)
    assert Density(turned, points).log(others) == pytest.approx(Density(MIXED, points).log(others))


def test_around_one_point_lies_that_point_and_with_a_wide_kernel_everything():
    density, rng = Density(MIXED, drawn(MIXED, 1)), np.random.default_rng(0)
    near = Counter(MIXED.key(density.sample(rng)) for _ in range(200))
    assert near.most_common(1)[0][1] > 190
    far = Counter(MIXED.key(density.sample(rng, 1e9)) for _ in range(2400))
    assert len(far) == MIXED.size == 24
    assert max(far.values()) < 150


def test_what_an_active_decision_takes_is_drawn_where_the_point_has_none():
    space = SearchSpace({"op": ["a", "b"], "heads": [1, 2]}, {"heads": {"op": ["a"]}})
    density, rng = Density(space, [{"op": "b"}]), np.random.default_rng(0)
    assert {space.key(density.sample(rng, 1e9)) for _ in range(100)} == {space.key(one) for one in space}
    assert density.log([{"op": "b"}]) > density.log([{"op": "a", "heads": 1}])


@pytest.mark.parametrize(("count", "origin"), [(ENOUGH - 1, "random"), (ENOUGH, "density")])
def test_densities_take_one_more_result_of_each_kind_than_there_are_decisions(count, origin):
    history = history_of((one, 3, score(one)) for one in distinct(count))
    assert BOHB(random_fraction=0.0).propose(history, np.random.default_rng(0)).origin == origin


def test_the_largest_budget_that_has_enough_results_counts():
    architectures = distinct(40)
    low = [(one, 1, -score(one)) for one in architectures]
    middle = [(one, 3, score(one)) for one in architectures[:ENOUGH]]
    high = [(one, 9, 0.0) for one in architectures[: ENOUGH - 1]]
    good, others = BOHB().divided(history_of(low + middle + high))
    ranked = sorted(architectures[:ENOUGH], key=score, reverse=True)
    assert sorted(map(score, good)) == sorted(map(score, ranked[: ENOUGH // 2]))
    assert len(good) + len(others) == ENOUGH


def test_of_many_results_the_best_15_percent_are_good_and_what_failed_is_not():
    results = [(one, 3, score(one) if place % 4 else None) for place, one in enumerate(distinct(80))]
    good, others = BOHB().divided(history_of(results))
    assert (len(good), len(others)) == (12, 68)
    failed = {GRID.key(one) for one, _, value in results if value is None}
    assert not failed & set(map(GRID.key, good))
    assert failed < set(map(GRID.key, others))


def test_a_third_of_the_proposals_is_random():
    history = history_of((one, 3, score(one)) for one in distinct(40))
    origins = Counter(BOHB(samples=1).propose(history, np.random.default_rng(seed)).origin for seed in range(300))
    assert 70 < origins["random"] < 130


def test_the_proposal_is_the_sample_of_greatest_ratio():
    history, strategy = history_of((one, 3, score(one)) for one in distinct(80)), BOHB(random_fraction=0.0)
    few = [score(BOHB(0.0, 1).propose(history, np.random.default_rng(seed)).architecture) for seed in range(40)]
    many = [score(strategy.propose(history, np.random.default_rng(seed)).architecture) for seed in range(40)]
    assert np.mean(many) > np.mean(few) + 1


def test_it_finds_better_architectures_than_random_search():
    best = {name: [] for name in ("bohb", "random")}
    for seed in range(3):
        for name, found in best.items():
            search = Search(GRID, make_strategy(name, {}), seed=seed)
            found.append(max(map(score, trained(search, 50))))
    assert np.mean(best["bohb"]) > np.mean(best["random"]) + 1


def test_with_hyperband_it_trains_the_published_brackets():
    search = search_of("hyperband", strategy="bohb", trials=27 + 12 + 6 + 4)
    parts = Counter(epochs for _, epochs in parts_trained(search, crossing))
    assert parts == {1: 27, 3: 9 + 12, 9: 3 + 4 + 6, 27: 1 + 1 + 2 + 4}
    assert {trial.origin for trial in search.history.trials[27:]} == {"random", "density"}


@pytest.mark.parametrize(
    "options", [{"random_fraction": 1.1}, {"samples": 0}, {"bandwidth_factor": 0.5}, {"top": 0.0}, {"top": 1.0}]
)
def test_options_out_of_range_are_named(options):
    (name,) = options
    with pytest.raises(UserError, match=f"{name} is .*; use "):
        make_strategy("bohb", options)
