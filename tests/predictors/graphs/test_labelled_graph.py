"""The graphs that are drawn are the graphs that are learned."""

from __future__ import annotations

import numpy as np
import pytest
from edges import EDGES

from nni_nasplus import SearchSpace, registry
from nni_nasplus.predictors.graphs.labelled_graph import GraphReader, LabelledGraph
from nni_nasplus.search.table_space import TableSpace

CELL = dict(
    zip(
        ["op_0_1", "op_0_2", "op_1_2", "op_0_3", "op_1_3", "op_2_3"],
        ["nor_conv_3x3", "none", "skip_connect", "none", "none", "avg_pool_3x3"],
        strict=True,
    )
)


def space_named(name, **arguments):
    return registry.load("spaces", name)(**arguments).search_space


def test_a_space_without_a_graph_is_a_chain_of_its_choices():
    architecture = {f"edge{i}": "conv" for i in range(5)}
    (graph,) = GraphReader(EDGES)([architecture])
    assert not EDGES.has_graph
    assert graph.labels == tuple(f"edge{i} conv" for i in range(5))
    assert graph.paths() == [graph.labels]


def test_operations_on_the_edges_of_a_cell_become_nodes_and_none_is_no_way():
    (graph,) = GraphReader(space_named("nb201"))([CELL])
    (path,) = graph.paths()
    operations = [label for label in path if not label.startswith("cell ")]
    assert operations == ["nor_conv_3x3", "skip_connect", "avg_pool_3x3"]


def test_layers_that_run_side_by_side_are_ways_of_their_own():
    diamond = LabelledGraph(("in", "conv", "gru", "out"), ((0, 1), (0, 2), (1, 3), (2, 3)))
    assert diamond.paths() == [("in", "conv", "out"), ("in", "gru", "out")]


@pytest.mark.parametrize("name", registry.available("spaces"))
def test_every_space_has_a_graph_whose_nodes_come_after_their_sources(name):
    space, rng = space_named(name), np.random.default_rng(0)
    assert space.has_graph
    for graph in GraphReader(space)([space.sample(rng) for _ in range(5)]):
        assert all(source < target for source, target in graph.edges)
        assert all(graph.labels)
        assert graph.paths()


def test_the_rows_of_a_table_have_the_graphs_of_their_space():
    whole = space_named("nb201")
    table = TableSpace(whole, [CELL])
    assert table.has_graph
    assert GraphReader(table)([CELL]) == GraphReader(whole)([CELL])


def test_a_hyperparameter_of_events_is_in_what_is_learned():
    space = space_named("events", hyperparameters={"learning_rate": [0.1, 0.01]})
    architecture = space.sample(np.random.default_rng(0))
    (one,), (other,) = (GraphReader(space)([{**architecture, "learning_rate": rate}]) for rate in (0.1, 0.01))
    assert one != other


def test_a_space_that_was_read_from_json_has_the_chain_until_it_is_told_of_its_networks():
    whole = space_named("nb201")
    alone, told = (SearchSpace.from_json(whole.to_json()) for _ in range(2))
    told.drawn_by = lambda: whole.drawn
    assert not alone.has_graph
    assert GraphReader(told)([CELL]) == GraphReader(whole)([CELL])
