"""Adam (Kingma and Ba, arXiv 1412.6980), which ascends."""

from __future__ import annotations

import numpy as np

__all__ = ["Adam"]

_FIRST, _SECOND, _EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Algorithm 1 of the paper with its defaults, on one array of numpy.

    Parameters
    ----------
    rate
        α of the paper; 0 or more.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._steps = 0
        self._mean: np.ndarray | float = 0.0
        self._square: np.ndarray | float = 0.0

    def step(self, gradient: np.ndarray) -> np.ndarray:
        """What to add to the parameters, of the shape of their gradient."""
        self._steps += 1
        self._mean = _FIRST * self._mean + (1 - _FIRST) * gradient
        self._square = _SECOND * self._square + (1 - _SECOND) * gradient**2
        mean = self._mean / (1 - _FIRST**self._steps)
        return self.rate * mean / (np.sqrt(self._square / (1 - _SECOND**self._steps)) + _EPSILON)
