"""Links between what a network puts out and the means that it stands for (McCullagh and Nelder, 1989)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax

__all__ = ["LEAST", "NEAREST", "Link", "means_of", "outputs_of"]

Link = Literal["softmax", "sigmoid", "identity"]
"""Of classes that exclude each other; of labels that do not; of numbers."""
LEAST = 1e-30
"""A probability whose logarithm is still finite in float32, which has none below 1e-38."""
NEAREST = 1e-7
"""To 1, where float32 still tells a probability of a sigmoid from it."""


def means_of(outputs: NDArray[Any], link: Link) -> NDArray[np.float64]:
    """Probabilities, or numbers as they are, of outputs [N, C]."""
    wide = outputs.astype(np.float64)
    if link == "softmax":
        return softmax(wide, axis=-1)
    return expit(wide) if link == "sigmoid" else wide


def outputs_of(means: NDArray[np.float64], link: Link) -> NDArray[np.float32]:
    """Outputs [N, C] that stand for these means."""
    if link == "softmax":
        return np.log(np.maximum(means, LEAST)).astype(np.float32)
    return (logit(means.clip(LEAST, 1 - NEAREST)) if link == "sigmoid" else means).astype(np.float32)
