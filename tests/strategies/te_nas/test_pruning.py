"""TE-NAS ranks by counting, and keeps what is most important."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from te_nas_searches import DARTS, NB201

from nni_nasplus.strategies.te_nas import networks_of
from nni_nasplus.strategies.te_nas.pruning import Scores, changes, cuts_of, importance, kept_edges, pruned_operations

numbers = settings(max_examples=30, deadline=None, database=None)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
scores = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=7, max_size=7)


@numbers
@given(scores)
def test_ranks_against_counting(values):
    """Rank κ descending and R ascending: how many come strictly before, and half of those beside."""
    whole, *rest = [Scores(float(kappa), float(regions)) for kappa, regions in values]
    delta = changes([[whole, *rest]], rounded=False)
    for row, one in zip(delta, rest, strict=True):
        assert row[0] == pytest.approx((whole.kappa - one.kappa) / whole.kappa)
        assert row[1] == pytest.approx((whole.regions - one.regions) / whole.regions)
    expected = []
    for one in rest:
        before = sum(other.kappa < one.kappa for other in rest) + sum(other.regions > one.regions for other in rest)
        beside = sum(other.kappa == one.kappa for other in rest) + sum(other.regions == one.regions for other in rest)
        expected.append(before + (beside + 2) / 2)
    assert importance(delta, dense=False).tolist() == expected
    dense = []
    for one in rest:
        before = {other.kappa for other in rest if other.kappa < one.kappa}
        more = {other.regions for other in rest if other.regions > one.regions}
        dense.append(len(before) + len(more) + 2)
    assert importance(delta, dense=True).tolist() == dense


@numbers
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_each_edge_loses_its_least_important_operations_and_no_node_its_last_edge(seed, number):
    rng = np.random.default_rng(seed)
    net = networks_of(NB201).kernel
    while cuts := cuts_of(net, None):
        values = rng.permutation(len(cuts)).tolist()
        gone = pruned_operations(cuts, values, number)
        for edge in net.edges:
            mine = sorted((value, cut) for cut, value in zip(cuts, values, strict=True) if cut.edge == edge)
            count = min(number, len(mine) - 1)
            assert {cut for cut in gone if cut.edge == edge} == {cut for _, cut in mine[:count]}
        for cut in gone:
            net.prune(*cut)
        assert all(net.alive(edge) for edge in net.edges)


def test_the_most_important_edges_of_a_node_are_kept():
    net = networks_of(DARTS).kernel
    for edge in net.edges:
        for name in net.alive(edge)[1:]:
            net.prune(edge, name)
    cuts = cuts_of(net, 2)
    assert len(cuts) == 2 * (3 + 4 + 5)
    values = np.random.default_rng(0).permutation(len(cuts)).tolist()
    kept = kept_edges(cuts, values, 2)
    for cell, target in {(cut.edge.cell, cut.edge.target) for cut in cuts}:
        mine = sorted(
            (v, c) for c, v in zip(cuts, values, strict=True) if (c.edge.cell, c.edge.target) == (cell, target)
        )
        assert {cut for _, cut in mine[-2:]} == {c for c in kept if (c.edge.cell, c.edge.target) == (cell, target)}


def test_changes_are_means_over_repeats_and_rounded_as_released():
    by_repeat = [[Scores(3.0, 9.0), Scores(1.0, 6.0)], [Scores(2.0, 8.0), Scores(3.0, 8.0)]]
    assert changes(by_repeat, rounded=False) == pytest.approx(np.array([[(2 / 3 - 1 / 2) / 2, (1 / 3) / 2]]))
    assert changes(by_repeat, rounded=True).tolist() == [[0.083, 0.167]]


@pytest.mark.parametrize(
    ("whole", "without", "change"),
    [(math.inf, math.inf, 0.0), (math.inf, 5.0, 1.0), (5.0, math.inf, -math.inf), (math.nan, math.nan, 0.0)],
)
def test_a_singular_kernel_is_worse_than_any_other_and_like_another(whole, without, change):
    assert changes([[Scores(whole, 2.0), Scores(without, 2.0)]], rounded=False)[0, 0] == change
