"""A monotone scale on which good scores are told apart and bad ones are not far away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Warp"]


@dataclass(frozen=True)
class Warp:
    """u ↦ (sign(u − best) · log(1 + |u − best| / spread) − shift) / scale.

    A few architectures fail to learn and score far below the rest; on the raw scale they would take most of a
    predictor's attention. The logarithm of the regret takes their weight away and keeps every order.
    """

    best: float
    spread: float
    shift: float
    scale: float
    linear: bool = False

    @classmethod
    def identity(cls) -> Warp:
        """The warp of nothing known."""
        return cls(0.0, 1.0, 0.0, 1.0, linear=True)

    @classmethod
    def of(cls, utilities: np.ndarray) -> Warp:
        """The warp under which these utilities have mean 0 and standard deviation 1; float [trials]."""
        if len(utilities) == 0:
            return cls.identity()
        median, upper = np.quantile(utilities, [0.5, 0.75])
        tiny = 1e-9 * max(1.0, float(np.abs(utilities).max()))
        raw = cls(float(utilities.max()), max(float(upper - median), tiny), 0.0, 1.0)
        warped = raw(utilities)
        return cls(raw.best, raw.spread, float(warped.mean()), max(float(warped.std()), 1e-9))

    def __call__(self, utilities: np.ndarray) -> np.ndarray:
        """Warp utilities, in any shape."""
        if self.linear:
            return utilities
        above = utilities - self.best
        return (np.sign(above) * np.log1p(np.abs(above) / self.spread) - self.shift) / self.scale
