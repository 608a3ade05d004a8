"""Fronts, crowding and the area that a front dominates."""

from __future__ import annotations

import numpy as np
import pytest

from nni_nasplus.search.pareto import crowded_order, crowding_distances, hypervolume, non_dominated

STAIRS = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]])


def dominates(one, other):
    return (one >= other).all() and (one > other).any()


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_a_point_is_in_the_front_unless_another_is_as_good_in_all_and_better_in_one(objectives):
    points = np.random.default_rng(objectives).integers(6, size=(60, objectives)).astype(float)
    expected = [not any(dominates(other, one) for other in points) for one in points]
    assert non_dominated(points).tolist() == expected


def test_no_points_have_no_front():
    assert non_dominated(np.zeros((0, 2))).tolist() == []
    assert crowded_order(np.zeros((0, 2)), 3).tolist() == []


def test_crowding_is_the_side_of_the_box_to_both_neighbours():
    points = np.array([[0.0, 10.0], [1.0, 8.0], [4.0, 5.0], [10.0, 0.0]])
    expected = [np.inf, 4 / 10 + 5 / 10, 9 / 10 + 8 / 10, np.inf]
    np.testing.assert_allclose(crowding_distances(points), expected)


def test_the_front_is_first_and_within_it_what_is_alone():
    front = [[0.0, 10.0], [1.0, 8.0], [4.0, 5.0], [10.0, 0.0]]
    behind = [[0.0, 0.0], [0.5, 7.0]]
    order = crowded_order(np.array([*behind, *front]), 6).tolist()
    assert order == [2, 5, 4, 3, 1, 0]
    assert crowded_order(np.array([*behind, *front]), 3).tolist() == order[:3]


def test_the_area_of_stairs():
    assert hypervolume(STAIRS, np.zeros(2)) == 6
    assert hypervolume(np.vstack([STAIRS, [[1.0, 1.0], [-1.0, 9.0]]]), np.zeros(2)) == 6
    assert hypervolume(STAIRS, np.array([3.0, 3.0])) == 0


def test_the_area_is_the_share_of_points_below_the_front():
    rng = np.random.default_rng(0)
    points, thrown = rng.random((20, 2)), rng.random((20_000, 2))
    below = (thrown[:, None] < points).all(axis=2).any(axis=1)
    assert hypervolume(points, np.zeros(2)) == pytest.approx(below.mean(), abs=0.015)
