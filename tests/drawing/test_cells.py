"""Pictures of cells: every operation is written, no two texts overlap."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from figures import DARTS, course, inside, published
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text

from nni_nasplus.drawing.cells import cell_figure
from nni_nasplus.drawing.draw import draw
from nni_nasplus.spaces.images import PUBLISHED, NasBench201Space

NB201 = NasBench201Space(channels=1, cells=1, size=4)


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
        title = f"{space.genotype(architecture)} learning_rate=0.025 weight_decay=0.001"
        require_readable(cell_figure(space.graph(architecture), title))


def test_normal_and_reduce_stand_side_by_side(tmp_path):
    draw(published("DARTS_V2"), tmp_path / "cells.png")
    picture = imread(tmp_path / "cells.png")[..., :3].min(-1)
    columns = (picture < 0.9).any(0)
    height, width = picture.shape
    assert width > 2 * height
    assert columns[: width // 2].any()
    assert columns[width // 2 :].any()
    assert not columns[width // 2 - 5 : width // 2 + 5].any()
