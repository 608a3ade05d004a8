"""How unsure a language model is, by how much it has read before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

__all__ = ["PREFIX", "ByPosition", "by_position"]

PREFIX = "perplexity_from_"
"""How the names of such metrics begin; they end with the least number of tokens that were read before."""
_BOUNDS = (0, 1, 3, *(digit * 10**power for power in range(1, 7) for digit in (1, 3)))
"""Of tokens read before: two classes a decade."""


class ByPosition:
    """Collects losses of tokens by how many of their column were read before, beginning with states that are zero."""

    def __init__(self) -> None:
        self._read = 0
        self._bounds = torch.tensor(_BOUNDS)
        self._sums = torch.zeros(len(_BOUNDS), dtype=torch.float64)
        self._counts = torch.zeros(len(_BOUNDS), dtype=torch.float64)

    def take(self, losses: Tensor, known: Tensor, *, first: bool) -> None:
        """Take in a batch.

        Parameters
        ----------
        losses
            The cross-entropy of each token, in nats, [T, B].
        known
            Which of them count; bool [T, B].
        first
            Whether the columns begin here.
        """
        begin = 0 if first else self._read
        self._read = begin + len(losses)
        classes = torch.bucketize(torch.arange(begin, self._read), self._bounds, right=True) - 1
        there = known.cpu()
        self._sums.index_add_(0, classes, (losses.cpu().double() * there).sum(1))
        self._counts.index_add_(0, classes, there.double().sum(1))

    @property
    def perplexities(self) -> dict[str, float]:
        """By names that begin with :data:`PREFIX`, of the classes that have tokens, where they are finite."""
        found = zip(_BOUNDS, (self._sums / self._counts).exp().tolist(), strict=True)
        return {f"{PREFIX}{bound}": perplexity for bound, perplexity in found if math.isfinite(perplexity)}


def by_position(metrics: Mapping[str, float]) -> Iterator[tuple[int, float]]:
    """The least number of tokens read before, and the perplexity, of the metrics that are such, in order."""
    found = {int(name.removeprefix(PREFIX)): value for name, value in metrics.items() if name.startswith(PREFIX)}
    yield from sorted(found.items())
