"""Which values a number of so many bits may have: steps of one length, in units of a standard deviation.

Up to 4 bits the lengths are those that EdMIPS (Cai and Vasconcelos, arXiv 2004.05795) publishes; beyond, those that
minimise the mean squared error of normal numbers, as the published ones do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nni_nasplus.errors import UserError

__all__ = ["FLOAT", "WIDTHS", "Grid", "input_grid", "require_bits", "weight_grid"]

FLOAT = 32
"""The bits of a number that is not quantised."""
_WEIGHTS = {1: 1.596, 2: 0.996, 3: 0.586, 4: 0.336, 5: 0.1888, 6: 0.1042, 7: 0.0569, 8: 0.0308}
"""Of a normal number, by bits."""
_SIGNED = {1: 1.596, 2: 1.0484, 3: 0.6018, 4: 0.3386, 5: 0.1888, 6: 0.1042, 7: 0.0569, 8: 0.0308}
"""Of a normal number where 0 is one of the values: a layer's padding is zeros."""
_HALF = {1: 0.799, 2: 0.538, 3: 0.3217, 4: 0.185, 5: 0.1055, 6: 0.0573, 7: 0.0309, 8: 0.0165}
"""Of the positive half of a normal number, as ReLU leaves it."""
_PUBLISHED = 4
"""Weights of up to so many bits are odd multiples of half a step, as published; beyond, a value is 0."""
WIDTHS = (*_WEIGHTS, FLOAT)
"""The bits that a number may have."""


class Grid(NamedTuple):
    """The values (k + offset) · step for whole numbers k from low to high."""

    step: float
    low: int
    high: int
    offset: float = 0.0


def weight_grid(bits: int) -> Grid:
    """Of weights whose standard deviation is 1: 2^bits values.

    Raises
    ------
    UserError
        If there is no such grid.
    """
    half = 2 ** (_known(bits) - 1)
    return Grid(_WEIGHTS[bits], -half, half - 1, 0.5 if bits <= _PUBLISHED else 0.0)


def input_grid(bits: int, *, signed: bool) -> Grid:
    """Of what enters a layer, whose standard deviation was 1 before negative numbers were cut off: 2^bits values.

    Parameters
    ----------
    signed
        Whether they were not.

    Raises
    ------
    UserError
        If there is no such grid.
    """
    if not signed:
        return Grid(_HALF[_known(bits)], 0, 2**bits - 1)
    half = 2 ** (_known(bits) - 1)
    return Grid(_SIGNED[bits], -half, half - 1, 0.5 if bits == 1 else 0.0)


def require_bits(bits: Iterable[object]) -> Sequence[int]:
    """The bits without repeats, fewest first.

    Raises
    ------
    UserError
        If there are none, or one of them is no number of bits.
    """
    given = list(bits)
    if not given:
        raise UserError("no bits are given; name some, such as 4,8")
    return sorted({_one_of(WIDTHS, number) for number in given})


def _known(bits: int) -> int:
    return _one_of(WIDTHS[:-1], bits)


def _one_of(widths: Sequence[int], bits: object) -> int:
    if isinstance(bits, bool) or not isinstance(bits, int) or bits not in widths:
        raise UserError(f"bits is {bits!r}; use whole numbers from 1 to 8, or {FLOAT} for floats")
    return bits
