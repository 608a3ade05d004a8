"""How long the tail of a search may take."""

from __future__ import annotations

import math
import time

__all__ = ["Budget"]


class Budget:
    """Seconds from now on, of which only what has begun is overdrawn.

    Parameters
    ----------
    seconds
        How many; infinite for no limit.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def allows(self, seconds: float = 0.0) -> bool:
        """Whether what takes about so long still fits."""
        return time.monotonic() + seconds <= self._end

    @property
    def left(self) -> float:
        """The seconds that are left, 0 or more."""
        return max(0.0, self._end - time.monotonic())

    @property
    def words(self) -> str:
        """``, 3:20 left``; nothing where there is no limit, or it is reached."""
        if not 0 < self.left < math.inf:
            return ""
        minutes, seconds = divmod(math.ceil(self.left), 60)
        return f", {minutes}:{seconds:02d} left"

    def part(self, share: float, *, reserved: float = 0.0) -> Budget:
        """A share, from 0 to 1, of what is left beside so many seconds that something else is to have."""
        return Budget(share * max(0.0, self.left - reserved))
