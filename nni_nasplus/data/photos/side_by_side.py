"""What became of a photograph, one picture beside the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["Shown", "SideBySide"]

_GAP, _LINE = 8, 16
"""Pixels between pictures, and of a line of text above them."""
_ZOOMED = 240
"""Pixels that a picture has at least in a file; smaller ones are shown with larger pixels, not blurred."""


class Shown(NamedTuple):
    """A picture, and what is to be known of it."""

    title: str
    """What it is."""
    figures: str
    """How good it is; may be empty."""
    pixels: NDArray[np.uint8]
    """[S, S, C], C 1 or 3."""

    @property
    def png(self) -> bytes:
        """As a file."""
        return _png(self.picture)

    @property
    def picture(self) -> Image.Image:
        """For Pillow."""
        return Image.fromarray(self.pixels[..., 0] if self.pixels.shape[2] == 1 else self.pixels)


@dataclass(frozen=True)
class SideBySide:
    """The same part of a photograph, made in several ways.

    Parameters
    ----------
    name
        Of the photograph's file.
    shown
        From left to right, all of one size.
    """

    name: str
    shown: Sequence[Shown]

    @property
    def stem(self) -> str:
        """The name without folders and suffix."""
        return PurePath(self.name).stem

    @property
    def png(self) -> bytes:
        """All of them as one file, with what they are above them."""
        times = -(-_ZOOMED // self.shown[0].pixels.shape[1])
        height, width = (times * side for side in self.shown[0].pixels.shape[:2])
        wide = len(self.shown) * (width + _GAP) - _GAP
        sheet = Image.new("RGB", (wide, height + 2 * _LINE + _GAP), "white")
        drawn, font = ImageDraw.Draw(sheet), ImageFont.load_default(_LINE - 4)
        for place, one in enumerate(self.shown):
            left = place * (width + _GAP)
            drawn.text((left, 0), f"{one.title}\n{one.figures}", fill="black", font=font)
            larger = one.picture.resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(larger.convert("RGB"), (left, 2 * _LINE + _GAP))
        return _png(sheet)


def _png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
