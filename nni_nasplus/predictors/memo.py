"""Numbers of architectures that are worked out once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from nni_nasplus.search.decisions.coded import Coded
from nni_nasplus.search.space import Architecture

__all__ = ["Memo"]

# A proposal asks for at most 1,500 architectures: candidates, the latest results and the best. Some proposals' fit in,
# and with the 519 features of a recipe it is 16 MiB.
_REMEMBERED = 4096


class Memo:
    """A function of architectures that remembers what it found.

    It forgets everything when it is full: what is still of use is worked out again.

    Parameters
    ----------
    function
        Maps canonical architectures to a number or a row of each: float [architectures] or [architectures, columns].
    most
        How many it remembers.
    """

    def __init__(
        self, function: Callable[[Sequence[Architecture]], Sequence[float] | np.ndarray], *, most: int = _REMEMBERED
    ) -> None:
        self._function = function
        self._most = most
        self._known: dict[Hashable, np.ndarray | float] = {}

    def __call__(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """What the function gives, called with those alone that are new, each once."""
        if not architectures:
            return np.asarray(self._function([]), dtype=float)
        keys = _keys(architectures)
        if len(self._known) + len(keys) > self._most:
            self._known.clear()
        new = {key: row for row, key in enumerate(keys) if key not in self._known}
        if new:
            found = np.asarray(self._function(_chosen(architectures, list(new.values()))), dtype=float)
            self._known.update(zip(new, found, strict=True))
        return np.array([self._known[key] for key in keys])


def _keys(architectures: Sequence[Architecture]) -> Sequence[Hashable]:
    """Equal for equal architectures that are held alike; what is held in two ways is worked out twice."""
    if isinstance(architectures, Coded):
        return architectures.tokens
    return [tuple(architecture.items()) for architecture in architectures]


def _chosen(architectures: Sequence[Architecture], rows: Sequence[int]) -> Sequence[Architecture]:
    if isinstance(architectures, Coded):
        return architectures[np.array(rows)]
    return [architectures[row] for row in rows]
