"""Event times as positions in the training span and as gaps between a user's events."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Clock"]

_CALENDAR = (86_400.0, 7 * 86_400.0, 365.25 * 86_400.0)
"""Seconds of a day, a week and a year: what people do recurs by them."""
_SCALES = 6
"""Geometric scales: neighbours are a factor of 10 apart at the most, as the shortest is 1e-5 of the longest."""
_LIMIT = 1e30
"""Within which a position stays finite in float32 when it is multiplied by 2π and divided by the shortest period."""
_SHORTEST = 1e-5
"""The shortest period, as a fraction of the span, that a float32 position resolves to a few hundredths of a radian."""


@dataclass(frozen=True)
class Clock:
    """How event times become positions and gaps.

    Parameters
    ----------
    name
        The time column.
    kind
        Whether its values are seconds, or numbers in the unit of the data.
    minimum
        The first time of the training events.
    span, median_gap
        The time from the first to the last training event, and the median of the positive gaps between a training
        user's events; 1 where that would be 0.
    periods
        Time scales as ascending fractions of the span.
    style
        How the times were spelled, for new data that leave it open.
    """

    name: str
    kind: Literal["number", "seconds"]
    minimum: float
    span: float
    median_gap: float
    periods: tuple[float, ...]
    style: str = field(default="", compare=False)

    @classmethod
    def fit(
        cls,
        name: str,
        kind: Literal["number", "seconds"],
        time: NDArray[np.float64],
        first: NDArray[np.bool_],
        style: str = "",
    ) -> Clock:
        """Fit to times [N] sorted within users, whose first events are marked by ``first`` [N]."""
        gaps = _gaps(time, first)
        gaps = gaps[gaps > 0]
        gap = float(np.median(gaps)) if len(gaps) else 1.0
        span = float(time.max() - time.min()) or 1.0
        return cls(name, kind, float(time.min()), span, gap, _periods(gap, span, kind == "seconds"), style)

    def encode(
        self, time: NDArray[np.float64], first: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Position [N] and gap [N] of times sorted within users, computed in float64."""
        with np.errstate(over="ignore"):
            position = (time - self.minimum) / self.span
            gap = _gaps(time, first) / self.median_gap
        return _single(position), _single(gap)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {**asdict(self), "periods": list(self.periods)}


def _single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.clip(-_LIMIT, _LIMIT).astype(np.float32)


def _gaps(time: NDArray[np.float64], first: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(first, 0.0, np.diff(time, prepend=time[:1]))


def _periods(gap: float, span: float, calendar: bool) -> tuple[float, ...]:
    """Geometric scales from the gap to the span, and the day, week and year where the span holds them."""
    scales = np.geomspace(np.clip(gap / span, _SHORTEST, 1.0), 1.0, _SCALES).clip(_SHORTEST, 1.0)
    days = [c / span for c in _CALENDAR if calendar and _SHORTEST <= c / span <= 1]
    return tuple(sorted({*map(float, scales), *days}))
