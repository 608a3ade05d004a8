"""Drawings as files: formats, equal pictures, graphs of other kinds, and text."""

from __future__ import annotations

import networkx as nx
import pytest
from figures import DARTS, published
from matplotlib.image import imread

from nni_nasplus import UserError
from nni_nasplus.drawing.draw import as_text, draw


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_suffix_is_the_format(tmp_path, suffix):
    path = tmp_path / f"cell{suffix}"
    draw(published("DARTS_V2"), path, "DARTS_V2")
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert path.read_bytes().startswith(start)


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
    with pytest.raises(UserError, match="cannot be written"):
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
