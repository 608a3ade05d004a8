"""Pictures of data flow: edges short, arrows beside the boxes, texts inside them, in every space drawn so."""

from __future__ import annotations

import itertools
from collections import Counter

import networkx as nx
import numpy as np
import pytest
from figures import course, dag, inside
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.text import Text

from nni_nasplus.drawing.draw import as_text
from nni_nasplus.drawing.flow import flow_figure
from nni_nasplus.drawing.folding import folded, layers_of
from nni_nasplus.drawing.layout import layered_layout, row_of
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.mobile import MobileSpace
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, EnasRecurrentSpace, RecurrentCellSpace

SPACES = {
    "rnn": RecurrentCellSpace(4, 4, 4, 1),
    "darts-rnn": DartsRecurrentSpace(4, 4),
    "enas-rnn": EnasRecurrentSpace(4, 4),
    "mobile": MobileSpace(channels=8, depth=2),
    "events": EventSequenceSpace(cells=["linear(x,h0) sigm(0) linear(x,h0) tanh(2) blend(1,h0,3) | 4"]),
}
NAMED = [("rnn", "lstm"), ("rnn", "gru"), ("darts-rnn", "DARTS_V2"), ("enas-rnn", "ENAS")]
cases = settings(max_examples=15, deadline=None, database=None)


def require_clear(figure: Figure, graph: nx.DiGraph) -> None:
    """No arrow crosses a box, no two boxes meet, every text is inside its box and all inside the figure.

    A frame holds the boxes of its layer and meets no other.
    """
    graph = folded(graph)
    figure.set_dpi(150)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = [patch.get_transform().transform_bbox(patch.get_bbox()) for patch in figure.findobj(FancyBboxPatch)]
    arrows = figure.findobj(FancyArrowPatch)
    assert (len(boxes), len(arrows)) == (graph.number_of_nodes(), graph.number_of_edges())
    for a, b in itertools.combinations(boxes, 2):
        assert not a.overlaps(b)
    for points in map(course, arrows):
        assert not any(inside(box, points, 3.0).any() for box in boxes)
    frames = [patch.get_window_extent() for patch in figure.axes[0].findobj(Rectangle) if patch.get_zorder() == 0]
    for frame in frames:
        held = [inside(frame, np.array([box.min, box.max]), 0) for box in boxes]
        assert sum(one.all() for one in held) in map(len, layers_of(graph).values())
        assert all(one.all() or not frame.overlaps(box) for one, box in zip(held, boxes, strict=True))
    for a, b in itertools.combinations(frames, 2):
        assert not a.overlaps(b)
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    around = [text.get_window_extent(renderer) for text in texts]
    corners = [np.array([(box.x0, box.y0), (box.x1, box.y1)]) for box in around]
    assert sum(any(inside(box, ends, 0).all() for box in boxes) for ends in corners) == len(boxes)
    for ends in [*corners, *map(course, arrows), *([b.min, b.max] for b in (*boxes, *frames))]:
        assert inside(figure.bbox, np.asarray(ends), 0).all()


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


@pytest.mark.parametrize(("layers", "frames"), [("g,g", 3), ("agc1,agc1|44,44", 4), ("c,g|44,12", 6)])
def test_stem_encoder_decoder_and_head_are_framed(layers, frames):
    space = EventSequenceSpace()
    figure = flow_figure(space.graph(space.parse_genotype(f"01|1|{layers}{'' if '|' in layers else '|'}|00")))
    assert sum(patch.get_zorder() == 0 for patch in figure.axes[0].findobj(Rectangle)) == frames


def test_a_decoder_stands_below_its_encoder():
    space = EventSequenceSpace()
    graph = space.graph(space.parse_genotype("01|1|agc1,g|44,12|00"))
    rows = row_of(graph)
    last = {part: max(rows[n] for n, layer in graph.nodes(data="layer") if layer.startswith(part)) for part in PARTS}
    first = {part: min(rows[n] for n, layer in graph.nodes(data="layer") if layer.startswith(part)) for part in PARTS}
    assert last["encoder"] < first["queries"] < first["decoder"]


@pytest.mark.parametrize("genotype", ["01|1|agc1,g|44,12|00", "01|1|ac2,ac8,ac8,ac2|22,24|01", "01|1|c||00"])
def test_what_is_alone_in_its_row_stands_in_one_column(genotype):
    space = EventSequenceSpace()
    places = layered_layout(folded(space.graph(space.parse_genotype(genotype))), 1.0).places.values()
    counts = Counter(row for _, row in places)
    assert len({round(x, 6) for x, row in places if counts[row] == 1}) == 1


PARTS = ("encoder", "queries", "decoder")
