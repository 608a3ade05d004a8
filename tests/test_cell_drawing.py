"""Pictures of cells: every operation is written, no two texts overlap, and every user of drawings gets them."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text
from test_flow_drawing import course, inside

from nni_nasplus import UserError
from nni_nasplus.drawing.cells import cell_figure
from nni_nasplus.drawing.draw import as_text, draw
from nni_nasplus.spaces.images import PUBLISHED, DartsSpace, Genotype, NasBench201Space
from nni_nasplus.spaces.images.flow import graph_of

DARTS = DartsSpace(channels=1, layers=3, size=4)
NB201 = NasBench201Space(channels=1, cells=1, size=4)


def published(name: str) -> nx.DiGraph:
    return graph_of(Genotype.parse(PUBLISHED[name]))


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text()]


def require_readable(figure: Figure) -> None:
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    for (first, a), (second, b) in itertools.combinations(boxes, 2):
        assert not a.overlaps(b), f"{first!r} overlaps {second!r}"
    for text, box in boxes:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= figure.bbox.x1, text
        assert box.y1 <= figure.bbox.y1, text


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_cells_are_readable(name):
    graph = published(name)
    figure = cell_figure(graph, name)
    require_readable(figure)
    written = sorted(text.get_text() for text in texts(figure))
    labels = [label for *_, label in graph.edges(data="label") if label]
    nodes = [name for _, name in graph.nodes(data="name")]
    assert written == sorted([*labels, *(f"${n}$" if "_" in n else n for n in nodes), "normal", "reduce", name])
    assert len(figure.findobj(FancyArrowPatch)) == graph.number_of_edges()
    assert len([box for box in figure.findobj(FancyBboxPatch) if box.get_zorder() == 2]) == len(graph)


@pytest.mark.parametrize("name", PUBLISHED)
def test_labels_stand_on_their_own_arcs(name):
    graph = published(name)
    figure = cell_figure(graph)
    figure.set_dpi(150)
    arrows = [course(arrow) for arrow in figure.findobj(FancyArrowPatch)]
    labels = {label for *_, label in graph.edges(data="label")} - {""}
    places = [text.get_window_extent() for text in texts(figure) if text.get_text() in labels]
    crossing = [sum(inside(box, points, 0).any() for points in arrows) for box in places]
    assert min(crossing) == 1
    assert sum(crossing) <= len(crossing) + 3


@settings(max_examples=6, deadline=None, database=None)
@given(st.integers(0, 2**32))
def test_any_cell_is_readable(seed):
    for space in (DARTS, NB201):
        architecture = space.search_space.sample(np.random.default_rng(seed))
        require_readable(cell_figure(space.graph(architecture), space.genotype(architecture)))


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_suffix_is_the_format(tmp_path, suffix):
    path = tmp_path / f"cell{suffix}"
    draw(published("DARTS_V2"), path, "DARTS_V2")
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert path.read_bytes().startswith(start)


def test_normal_and_reduce_stand_side_by_side(tmp_path):
    draw(published("DARTS_V2"), tmp_path / "cells.png")
    picture = imread(tmp_path / "cells.png")[..., :3].min(-1)
    columns = (picture < 0.9).any(0)
    height, width = picture.shape
    assert width > 2 * height
    assert columns[: width // 2].any()
    assert columns[width // 2 :].any()
    assert not columns[width // 2 - 5 : width // 2 + 5].any()


def test_another_suffix_is_named(tmp_path):
    with pytest.raises(UserError, match=r"the picture is cell.bmp; end it in .svg, .png or .pdf"):
        draw(published("DARTS_V2"), tmp_path / "cell.bmp")


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_equal_pictures_are_equal_files(tmp_path, suffix):
    for name in "ab":
        draw(published("DARTS_V2"), tmp_path / "new" / f"{name}{suffix}", "DARTS_V2")
    a, b = sorted((tmp_path / "new").iterdir())
    assert a.read_bytes() == b.read_bytes()


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "cell.svg").mkdir()
    with pytest.raises(OSError, match="directory"):
        draw(published("DARTS_V2"), tmp_path / "cell.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["cell.svg"]


def test_other_graphs_are_drawn_from_top_to_bottom(tmp_path):
    graph = nx.DiGraph()
    graph.add_node("x", label="input", kind="input")
    graph.add_node("y", label="output", kind="output")
    graph.add_edge("x", "y")
    draw(graph, tmp_path / "flow.png")
    height, width = imread(tmp_path / "flow.png").shape[:2]
    assert height < width < 2.5 * height


def test_a_cell_reads_as_text():
    text = as_text(DARTS.graph(DARTS.parse_genotype("DARTS_V2")))
    assert "normal 3 = skip_connect(c_{k-2}) + dil_conv_3x3(0)" in text
    assert text.endswith("\nreduce 3 = max_pool_3x3(c_{k-1}) + skip_connect(0)")
    assert text.count("\n") == 7
