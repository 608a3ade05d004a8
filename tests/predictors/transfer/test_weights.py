"""How far earlier searches are believed: by the order of the results, and only as far as they beat chance."""

from __future__ import annotations

import numpy as np
import pytest

from nni_nasplus.predictors.transfer.weights import agreements, ranking_weights

RESULTS = np.random.default_rng(0).normal(size=30)


def test_a_task_of_the_same_order_is_believed_and_a_reversed_one_is_not():
    assert ranking_weights(np.array([RESULTS, -RESULTS]), RESULTS).tolist() == [1, 0]
    assert ranking_weights(-RESULTS[None], RESULTS).tolist() == [0]


def test_only_the_order_counts():
    noisy = RESULTS + np.random.default_rng(1).normal(size=(3, 30))
    weights = ranking_weights(noisy, RESULTS)
    np.testing.assert_array_equal(ranking_weights(1000 * noisy + 3, np.exp(RESULTS)), weights)


def test_the_better_task_has_the_greater_weight_and_all_together_at_most_one():
    noise = np.random.default_rng(2).normal(size=(3, 30))
    weights = ranking_weights(RESULTS + np.array([[0.3], [1.0], [4.0]]) * noise, RESULTS)
    assert weights[0] > weights[1] >= weights[2] >= 0
    assert weights.sum() <= 1 + 1e-9


def test_many_useless_tasks_do_not_win_by_their_number():
    sums = [ranking_weights(np.random.default_rng(seed).normal(size=(5, 30)), RESULTS).sum() for seed in range(20)]
    assert np.mean(sums) < 0.3


@pytest.mark.parametrize("results", [[], [1.0], [2.0, 2.0, 2.0]])
def test_results_without_an_order_say_nothing(results):
    assert ranking_weights(np.ones((2, len(results))), np.array(results)).tolist() == [0, 0]


def test_a_task_without_an_opinion_is_set_aside():
    assert ranking_weights(np.zeros((1, 30)), RESULTS).tolist() == [0]


def test_a_task_agrees_or_disagrees_where_its_order_is_no_chance():
    assert agreements(np.array([RESULTS, -RESULTS, np.zeros(30)]), RESULTS).tolist() == [1, -1, 0]
    assert agreements(np.array([RESULTS[:3]]), RESULTS[:3]).tolist() == [0]


@pytest.mark.parametrize("count", [8, 30])
def test_of_useless_tasks_about_one_in_ten_seems_to_agree_or_disagree(count):
    rng = np.random.default_rng(0)
    found = agreements(rng.normal(size=(1000, count)), rng.normal(size=count))
    assert 0.06 < np.abs(found).mean() < 0.14


@pytest.mark.parametrize("results", [[], [1.0], [2.0, 2.0]])
def test_results_without_an_order_agree_with_nothing(results):
    assert agreements(np.ones((2, len(results))), np.array(results)).tolist() == [0, 0]
