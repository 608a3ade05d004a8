"""Repeated layers are drawn once, and only those that are repeated."""

from __future__ import annotations

import networkx as nx
import pytest

from nni_nasplus.drawing.folding import folded, layers_of
from nni_nasplus.spaces.events import EventSequenceSpace

SPACE = EventSequenceSpace()


def layers(genotype: str) -> list[str]:
    return [name for name in layers_of(folded(SPACE.graph(SPACE.parse_genotype(genotype)))) if name[-1].isdigit()]


@pytest.mark.parametrize(
    ("genotype", "expected"),
    [
        ("01|1|g,g,g,g||00", ["encoder 1–4, ×4"]),
        ("01|1|g,g,c,c||00", ["encoder 1–2, ×2", "encoder 3–4, ×2"]),
        ("01|1|g,c,g,c||00", ["encoder 1", "encoder 2", "encoder 3", "encoder 4"]),
        ("01|1|a2,a4,a4,a2||00", ["encoder 1", "encoder 2–3, ×2", "encoder 4"]),
        ("01|1|g||00", ["encoder 1"]),
        ("01|1|agc1,agc1|44,44|00", ["encoder 1–2, ×2", "decoder 1–2, ×2"]),
        ("01|1|g|44,12|00", ["encoder 1", "decoder 1", "decoder 2"]),
    ],
)
def test_layers_that_follow_each_other_and_are_alike_are_one(genotype, expected):
    assert layers(genotype) == expected


def test_what_was_between_the_first_and_the_last_is_still_joined():
    graph = SPACE.graph(SPACE.parse_genotype("01|1|g,g,g,g|44,44|00"))
    short = folded(graph)
    assert nx.is_directed_acyclic_graph(short)
    assert set(short.edges) - set(graph.edges) == {
        ("encoder_1_feed_forward", "decoder_1_cross"),
        ("decoder_1_feed_forward", "pooling"),
    }
    assert nx.has_path(short, "events", "classes")


def test_a_layer_that_gives_to_others_too_is_not_folded():
    graph = nx.DiGraph()
    for number in (1, 2, 3):
        graph.add_node(number, label="step", kind="op", layer=f"part {number}")
    graph.add_edges_from([(1, 2), (2, 3), (1, 3)])
    assert list(layers_of(folded(graph))) == ["part 1", "part 2", "part 3"]


def test_a_graph_without_layers_is_as_it_was():
    graph = nx.DiGraph()
    graph.add_nodes_from("abc", label="step", kind="op")
    nx.add_path(graph, "abc")
    assert nx.utils.graphs_equal(folded(graph), graph)
