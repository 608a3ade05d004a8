"""Numbers of architectures that are worked out once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nni_nasplus.search.space import Architecture, Choice

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
    """

    def __init__(self, function: Callable[[Sequence[Architecture]], Sequence[float] | np.ndarray]) -> None:
        self._function = function
        self._known: dict[tuple[tuple[str, Choice], ...], np.ndarray | float] = {}

    def __call__(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """What the function gives, called with those alone that are new, each once."""
        if not architectures:
            return np.asarray(self._function([]), dtype=float)
        keys = [tuple(architecture.items()) for architecture in architectures]
        if len(self._known) + len(keys) > _REMEMBERED:
            self._known.clear()
        new = {k: a for k, a in zip(keys, architectures, strict=True) if k not in self._known}
        if new:
            found = np.asarray(self._function(list(new.values())), dtype=float)
            self._known.update(zip(new, found, strict=True))
        return np.array([self._known[key] for key in keys])
