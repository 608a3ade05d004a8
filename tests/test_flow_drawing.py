"""Pictures of data flow: edges short, arrows beside the boxes, texts inside them, in every space drawn so."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text

from nni_nasplus.drawing.draw import as_text
from nni_nasplus.drawing.flow import flow_figure
from nni_nasplus.drawing.layout import layered_layout, row_of
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, EnasRecurrentSpace, RecurrentCellSpace

SPACES = {
    "rnn": RecurrentCellSpace(4, 4, 4, 1),
    "darts-rnn": DartsRecurrentSpace(4, 4),
    "enas-rnn": EnasRecurrentSpace(4, 4),
    "events": EventSequenceSpace(cells=["linear(x,h0) sigm(0) linear(x,h0) tanh(2) blend(1,h0,3) | 4"]),
}
NAMED = [("rnn", "lstm"), ("rnn", "gru"), ("darts-rnn", "DARTS_V2"), ("enas-rnn", "ENAS")]
cases = settings(max_examples=15, deadline=None, database=None)


def dag(seed: int, most: int) -> nx.DiGraph:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, most + 1))
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_nodes_from(rng.permutation(count).tolist(), label="step", kind="op")
    graph.add_edges_from(pair for pair in itertools.combinations(range(count), 2) if rng.random() < 0.4)
    return graph


def inside(box, points: np.ndarray, slack: float) -> np.ndarray:
    x, y = points.T
    return (x > box.x0 + slack) & (x < box.x1 - slack) & (y > box.y0 + slack) & (y < box.y1 - slack)


def course(arrow: FancyArrowPatch) -> np.ndarray:
    """Points along an arrow and its head, in pixels [points, 2]."""
    lines = arrow.get_path().to_polygons(arrow.get_transform(), closed_only=False)
    steps = np.linspace(0, 1, 20)[:, None]
    return np.concatenate([a + steps * (b - a) for line in lines for a, b in itertools.pairwise(np.asarray(line))])


def require_clear(figure: Figure, graph: nx.DiGraph) -> None:
    """No arrow crosses a box, no two boxes meet, every text is inside its box and all inside the figure."""
    figure.set_dpi(150)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = [patch.get_transform().transform_bbox(patch.get_bbox()) for patch in figure.findobj(FancyBboxPatch)]
    arrows = figure.findobj(FancyArrowPatch)
    assert (len(boxes), len(arrows)) == (graph.number_of_nodes(), graph.number_of_edges())
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)
    for points in map(course, arrows):
        assert not any(inside(box, points, 3.0).any() for box in boxes)
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    around = [text.get_window_extent(renderer) for text in texts]
    corners = [np.array([(box.x0, box.y0), (box.x1, box.y1)]) for box in around]
    assert sum(any(inside(box, ends, 0).all() for box in boxes) for ends in corners) == len(boxes)
    for ends in [*corners, *map(course, arrows), *([b.min, b.max] for b in boxes)]:
        assert inside(figure.bbox, np.asarray(ends), 0).all()


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


@cases
@given(st.integers(0, 2**32))
def test_any_graph_is_clear(seed):
    graph = dag(seed, 12)
    require_clear(flow_figure(graph, "a title of many words " * 8), graph)


@settings(max_examples=3, deadline=None, database=None)
@given(st.integers(0, 2**32))
def test_any_architecture_is_clear(seed):
    for space in SPACES.values():
        architecture = space.search_space.sample(np.random.default_rng(seed))
        graph = space.graph(architecture)
        require_clear(flow_figure(graph, space.genotype(architecture)), graph)


@pytest.mark.parametrize(("name", "genotype"), NAMED)
def test_the_published_ones_are_clear(name, genotype):
    graph = SPACES[name].graph(SPACES[name].parse_genotype(genotype))
    require_clear(flow_figure(graph, genotype), graph)


def test_the_gates_of_an_lstm_stand_side_by_side():
    text = as_text(SPACES["rnn"].graph(SPACES["rnn"].parse_genotype("lstm")))
    assert text.splitlines()[2] == "  |  ".join(["linear"] * 4)
