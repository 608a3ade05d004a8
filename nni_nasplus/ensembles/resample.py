"""Examples drawn again with replacement, as many of each class as there are (the stratified bootstrap)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["resample"]


def resample(labels: NDArray[Any], rng: np.random.Generator, most: int | None = None) -> NDArray[np.intp]:
    """The rows of a resample of N examples.

    Parameters
    ----------
    labels
        The class of each, whole numbers [N]. Where a number is predicted, or several labels [N, C], all examples are
        drawn as those of one class.
    rng
        Draws them.
    most
        How many there are at most, but one of each class at least; None for N.
    """
    classes = labels if labels.ndim == 1 and labels.dtype.kind in "iub" else np.zeros(len(labels), dtype=int)
    share = 1.0 if most is None else min(1.0, most / max(1, len(labels)))
    of_class = [np.flatnonzero(classes == one) for one in np.unique(classes)]
    return np.concatenate([rng.choice(rows, max(1, round(share * len(rows)))) for rows in of_class])
