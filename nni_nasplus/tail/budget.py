"""How long the tail of a search may take."""

from __future__ import annotations

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

    def part(self, share: float) -> Budget:
        """A share, from 0 to 1, of what is left."""
        return Budget(share * max(0.0, self._end - time.monotonic()))
