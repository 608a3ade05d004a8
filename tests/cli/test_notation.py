"""Genotypes in tables are wrapped between their parts and lose nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nni_nasplus.cli.notation import Notation

DARTS = "avg3~0,dil5~1|dil5~0,avg3~1|dil3~0,max3~1/avg3~0,max3~1|dil3~0,dil5~1 learning_rate=0.1"


@given(st.text("ab1~|,/ =", max_size=60), st.integers(1, 40))
def test_lines_are_the_text_and_end_between_parts(text, width):
    lines = Notation(text).lines(width)
    assert "".join(lines) == text
    for line in lines[:-1]:
        assert line[-1] in "|,/ "


@pytest.mark.parametrize("width", [20, 32])
def test_a_line_is_as_long_as_fits(width):
    lines = Notation(DARTS).lines(width)
    assert max(len(line.rstrip()) for line in lines) <= width
    for line, following in pairwise(lines):
        first = following.replace("|", "|\n").replace(",", ",\n").replace("/", "/\n").split("\n")[0].split(" ")[0]
        assert len(line + first) > width
