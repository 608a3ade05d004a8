"""What changes from stage to stage of P-DARTS (Chen et al., arXiv 1904.12760): how much is left, and dropout."""

from __future__ import annotations

import math

from torch import nn

from nni_nasplus.networks.supernet import SKIP, MixedOperation, Supernet

__all__ = ["SkipDropout", "alive_after", "skip_dropout", "with_skip_dropout"]

_LINEAR, _LENGTH = 10, 25
"""Of the 25 epochs of a published stage: dropout falls by equal steps in the first 10, and exponentially after."""
_LEFT = (5 / 8, 3 / 8, 1 / 8)
"""The share of the operations that an edge keeps after a stage."""


def alive_after(operations: int, stage: int) -> int:
    """How many operations of an edge are left after a stage: 5, 3 and 1 of the eight of DARTS, likewise of fewer."""
    return max(1, round(operations * _LEFT[min(stage, len(_LEFT) - 1)]))


def skip_dropout(first: float, past: int, length: int) -> float:
    """The rate in an epoch of a stage, as in the authors' code."""
    epoch = past * _LENGTH / length
    if epoch < _LINEAR:
        return first * (_LENGTH - epoch - 1) / _LENGTH
    return first * math.exp(-0.2 * (epoch - _LINEAR))


class SkipDropout(nn.Dropout):
    """Follows a skip connection."""


def with_skip_dropout(supernet: Supernet) -> Supernet:
    """The supernet, with dropout after each skip connection that keeps the size."""
    for mixture in [module for module in supernet.modules() if isinstance(module, MixedOperation)]:
        if SKIP in mixture.operations and isinstance(mixture.operations[SKIP], nn.Identity):
            mixture.operations[SKIP] = nn.Sequential(mixture.operations[SKIP], SkipDropout(0.0))
    return supernet
