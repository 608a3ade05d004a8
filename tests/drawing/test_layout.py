"""Layouts by layers: rows, room in a row, and edges that stay short and straight."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
from figures import dag
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus.drawing.layout import layered_layout, row_of

cases = settings(max_examples=15, deadline=None, database=None)


@cases
@given(st.integers(0, 2**32))
def test_a_row_is_just_below_the_last_that_it_takes_from(seed):
    graph = dag(seed, 12)
    rows = row_of(graph)
    assert all(rows[v] == 1 + max((rows[u] for u in graph.predecessors(v)), default=-1) for v in graph)


@cases
@given(st.integers(0, 2**32), st.floats(0.1, 3.0))
def test_what_stands_in_a_row_has_room(seed, width):
    graph = dag(seed, 12)
    layout = layered_layout(graph, width)
    assert {v: row for v, (_, row) in layout.places.items()} == row_of(graph)
    for a, b in itertools.combinations(layout.places.values(), 2):
        assert a[1] != b[1] or abs(a[0] - b[0]) > width
    for (source, target), route in layout.routes.items():
        assert (route[0], route[-1]) == (layout.places[source], layout.places[target])
        assert [row for _, row in route] == list(range(route[0][1], route[-1][1] + 1))
        for x, row in route[1:-1]:
            assert all(row != other or abs(x - place) > width / 2 for place, other in layout.places.values())


def test_a_long_edge_is_straight_and_crossed_ones_are_untangled():
    graph = nx.DiGraph([("a", "d"), ("b", "c"), ("d", "e"), ("c", "f"), ("e", "g"), ("f", "g"), ("a", "g")])
    layout = layered_layout(graph, 1.0)
    for first, second in itertools.combinations(layout.routes.values(), 2):
        shared = {row: x for x, row in first}
        sides = [np.sign(round(shared[row] - x, 6)) for x, row in second if row in shared]
        assert not {-1.0, 1.0} <= set(sides)
    xs = [x for x, _ in layout.routes["a", "g"][1:-1]]
    assert max(xs) - min(xs) < 0.01
