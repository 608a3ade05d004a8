"""The picture of the bits of layers."""

from __future__ import annotations

import pytest

from nni_nasplus import UserError
from nni_nasplus.drawing.bits import bits_figure, draw_bits

LAYERS = (["stem", "classifier"], [(4, 8), (2, 2)], [0.9, 0.1])


def test_bars_are_as_long_as_the_bits_and_the_first_layer_is_on_top():
    (axes,) = bits_figure(*LAYERS).axes
    weights, inputs = axes.containers
    assert [bar.get_width() for bar in weights] == [4, 2]
    assert [bar.get_width() for bar in inputs] == [8, 2]
    assert [text.get_text() for text in axes.get_yticklabels()] == LAYERS[0]
    low, high = axes.get_ylim()
    assert low > high
    assert [text.get_text() for text in axes.texts] == ["90.0 %", "10.0 %"]


def test_equal_pictures_are_equal_files(tmp_path):
    for name in ("a.svg", "b.svg"):
        draw_bits(tmp_path / name, *LAYERS)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    with pytest.raises(UserError, match=r"end it in \.svg"):
        draw_bits(tmp_path / "a.txt", *LAYERS)
