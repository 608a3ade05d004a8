"""Partial channels: a mixture computes a part of the channels, and the others pass by (PC-DARTS, arXiv 1907.05737)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from nni_nasplus.errors import UserError

__all__ = ["part_of", "passing_by"]


def part_of(channels: int, fraction: int) -> int:
    """How many of some channels a mixture computes: one in ``fraction``.

    Raises
    ------
    UserError
        If the channels do not divide.
    """
    if fraction < 1 or channels % fraction:
        raise UserError(f"{channels} channels do not divide by fraction={fraction}; use another width or fraction")
    return channels // fraction


def passing_by(mix: Callable[[Tensor], Tensor], x: Tensor, fraction: int, axis: int) -> Tensor:
    """The mixture of the first channels beside the others, shuffled, so that the next mixture computes others too.

    Parameters
    ----------
    mix
        From the first C / fraction channels to as many, maybe of images of half the size: then the others are pooled.
    axis
        Of the channels in x.
    """
    part = x.shape[axis] // fraction
    first, rest = x.split([part, x.shape[axis] - part], axis)
    mixed = mix(first)
    if mixed.shape[2:] != rest.shape[2:] and axis == 1:
        rest = max_pool2d(rest, 2, 2, ceil_mode=True)
    return _shuffled(torch.cat([mixed, rest], axis), fraction, axis)


def _shuffled(x: Tensor, groups: int, axis: int) -> Tensor:
    """Channel i of group g becomes channel g of group i (ShuffleNet, arXiv 1707.01083)."""
    axis %= x.ndim
    return x.unflatten(axis, (groups, -1)).transpose(axis, axis + 1).flatten(axis, axis + 1)
