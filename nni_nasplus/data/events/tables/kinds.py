"""What a column is: numbers, dates or text, and in which of several ways they are spelled. It is decided here alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nni_nasplus.data.events.tables import convert, dates, numbers

__all__ = ["FEW", "PLACEHOLDERS", "Asked", "Kind", "Reading", "guess", "is_measured", "read", "read_best"]

Kind = Literal["number", "seconds", "text"]
Asked = Literal["number", "seconds", "text", "time", "any"]
"""A kind, or to be told from the values: "time" is numbers or seconds, "any" all three."""

FEW = 32
"""Integers of at most this many values are taken for categories; more of them count or measure something."""
_SAMPLE = 10_000
"""Values that a first guess looks at; what comes later may overthrow it."""
_HANDFUL = 0.05
"""The share of values that may be unreadable in a column of numbers or dates, whatever they are."""
PLACEHOLDERS = 3
"""Texts that may stand for a missing value in one column, such as ? and unknown, however often they do."""
_RAREST = 0.1
"""The share of numbers below which a column of placeholders is text."""
_MOSTLY = 0.9
"""The share of numbers that are dates without separators, such as 20240331, from which on the others are mistakes."""
_STYLES = {"number": numbers.STYLES, "seconds": (*dates.STYLES, dates.COMPACT)}


@dataclass(frozen=True)
class Reading:
    """Values of a column in one style.

    Parameters
    ----------
    kind, style
        What they are taken for, and how they are spelled.
    values
        [N] numbers or seconds, NaN where they are unreadable; empty of text.
    doubt
        A value that another style, by which as many can be read, reads otherwise.
    certain
        Whether every other style reads fewer values.
    plain
        Whether all values are written as programs write them.
    """

    kind: Kind
    style: str
    values: NDArray[np.float64]
    doubt: str | None = None
    certain: bool = False
    plain: bool = False

    @property
    def count(self) -> int:
        """The number of values that can be read."""
        return int(np.count_nonzero(~np.isnan(self.values)))


def read(array: pa.Array, kind: Kind, style: str) -> NDArray[np.float64]:
    """The values [N] of numbers or dates; NaN where they are missing or cannot be read."""
    return convert.to_numbers(array, style) if kind == "number" else convert.to_seconds(array, style)


def read_best(array: pa.Array, kind: Kind, prefer: str, *, only: bool = False) -> Reading:
    """In the style that reads the most values; of those alike in this, in the one to ``prefer``, or else the first.

    With ``only`` no other style than that one is tried.
    """
    usual = prefer if prefer in _STYLES[kind] else _STYLES[kind][0]
    plain = _plain(array, kind) if usual != "comma" else None
    if plain is not None:
        return Reading(kind, usual, plain, plain=True)
    styles = (usual,) if only else _open_styles(array, kind, usual)
    readings = [Reading(kind, style, read(array, kind, style)) for style in styles]
    most = max(r.count for r in readings)
    tied = sorted((r for r in readings if r.count == most), key=lambda r: r.style != usual)
    others = [_first_difference(tied[0].values, other.values) for other in tied[1:]]
    doubt = next((array[i].as_py() for i in others if i is not None), None)
    return Reading(kind, tied[0].style, tied[0].values, doubt, certain=len(tied) == 1 < len(readings))


def guess(array: pa.Array, asked: Asked, prefer: str, typed: bool) -> Reading:
    """What a column is by some of its values.

    Parameters
    ----------
    array
        [N] the values, of which one at least is not null.
    asked
        What may be chosen.
    prefer
        The style of numbers or dates where the values leave it open.
    typed
        Whether text is known to be text: then digits are codes, and few values categories.
    """
    if asked == "text" or (asked == "any" and (pa.types.is_dictionary(array.type) or pa.types.is_boolean(array.type))):
        return Reading("text", "", np.empty(0))
    array = convert.flat(array.drop_null()[:_SAMPLE])
    if asked in ("number", "seconds"):
        return read_best(array, asked, prefer)
    when, number = (read_best(array, kind, prefer) for kind in ("seconds", "number"))
    best = when if when.count and when.count >= _MOSTLY * number.count else number
    if asked == "any" and (2 * best.count < len(array) or (typed and _is_code(array, best))):
        return Reading("text", "", np.empty(0))
    return best


def is_measured(kind: Kind, readable: int, distinct: int, strays: int, placeholders: int) -> bool:
    """Whether a column is one of numbers or dates although some of its values are none.

    Parameters
    ----------
    kind
        Which of the two it would be: few different numbers beside words are categories.
    readable, distinct
        How many values are numbers or dates, and how many different ones.
    strays, placeholders
        How many values are none, and how many different ones.
    """
    share = readable / max(1, readable + strays)
    many = distinct > FEW or kind == "seconds"
    return share >= 1 - _HANDFUL or (share >= _RAREST and many and placeholders <= PLACEHOLDERS)


def _plain(array: pa.Array, kind: Kind) -> NDArray[np.float64] | None:
    if not pa.types.is_string(array.type):
        return None
    return numbers.read_plain(array) if kind == "number" else dates.read_plain(array)


def _open_styles(array: pa.Array, kind: Kind, usual: str) -> tuple[str, ...]:
    if not convert.is_text(array):
        return (dates.COMPACT,) if kind == "seconds" and convert.is_number(array) else (usual,)
    return _STYLES["number"] if kind == "number" else dates.open_styles(array) or (usual,)


def _is_code(array: pa.Array, best: Reading) -> bool:
    """Strings of a typed source are not taken for numbers where they are digits, or have but few values."""
    if not convert.is_text(array) or (best.kind == "seconds" and best.style != dates.COMPACT):
        return False
    are_digits = pc.all(pc.match_substring_regex(array, r"^\d+$")).as_py()
    return are_digits or len(np.unique(best.values[~np.isnan(best.values)])) <= FEW


def _first_difference(a: NDArray[np.float64], b: NDArray[np.float64]) -> int | None:
    differs = (a != b) & ~(np.isnan(a) | np.isnan(b))
    return int(differs.argmax()) if differs.any() else None
