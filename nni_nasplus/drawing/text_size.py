"""How much room a text takes in a picture."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["text_size"]

_POINTS_PER_INCH, _LINE_HEIGHT = 72, 1.26


def text_size(lines: Sequence[str], points: float) -> tuple[float, float]:
    """Width and height in inches of lines of matplotlib's font in a size in points."""
    from matplotlib.textpath import TextPath

    widths = (TextPath((0, 0), line, size=points).get_extents().width for line in lines)
    return max(widths) / _POINTS_PER_INCH, len(lines) * points * _LINE_HEIGHT / _POINTS_PER_INCH
