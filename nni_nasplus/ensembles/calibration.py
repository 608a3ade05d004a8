"""Temperature scaling (Guo et al., arXiv 1706.04599): how sure a classifier may be of what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from nni_nasplus.data.link import Link

__all__ = ["temperature_of"]

_HOTTEST = 10.0
"""Beyond a tenth or ten times as sure something else is wrong, such as a class that validation lacks."""


def temperature_of(outputs: NDArray[np.floating], labels: NDArray[Any], link: Link = "softmax") -> float:
    """The temperature T > 0 by which outputs [N, C] / T have the least cross-entropy with the labels.

    It changes no order of the classes, and within 0.1 to 10 it is the only minimum. Numbers have none, so theirs is 1.
    """
    if link == "identity":
        return 1.0

    def loss(log_temperature: float) -> float:
        scaled = outputs.astype(np.float64) / np.exp(log_temperature)
        if link == "sigmoid":
            return float((np.logaddexp(0, scaled) - labels * scaled).mean())
        return float(-np.take_along_axis(log_softmax(scaled, axis=-1), labels[:, None], axis=-1).mean())

    limit = np.log(_HOTTEST)
    return float(np.exp(minimize_scalar(loss, bounds=(-limit, limit), method="bounded").x))
