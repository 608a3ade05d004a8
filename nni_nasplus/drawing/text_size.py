"""How much room a text takes in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

__all__ = ["text_size"]

_POINTS_PER_INCH, _LINE_HEIGHT = 72, 1.26


def text_size(lines: Sequence[str], points: float) -> tuple[float, float]:
    """Width and height in inches of lines of matplotlib's font in a size in points."""
    return max(_width(line, points) for line in lines), len(lines) * points * _LINE_HEIGHT / _POINTS_PER_INCH


@cache
def _width(line: str, points: float) -> float:
    """Measured once: architectures of one space share their labels, and a measurement takes 10 ms."""
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), line, size=points).get_extents().width) / _POINTS_PER_INCH
