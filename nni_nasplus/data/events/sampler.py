"""Which users share a batch: those of about the same length, drawn anew in each epoch of training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.row_batches import DrawnBatches, RowBatches

__all__ = ["BucketSampler", "LengthOrder"]

_POOL = 32
"""Batches per pool, within which users are sorted by length: the more, the less padding, and the less chance."""


class BucketSampler(DrawnBatches[NDArray[np.int64]]):
    """Batches of rows, random and alike in length; every row once per epoch, the last partial batch kept."""

    def __init__(self, rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int, seed: int) -> None:
        super().__init__(rows, batch_size, seed)
        self.lengths = lengths

    def draw(self, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Sort each pool of random users by length, cut it into batches, and give the batches in random order."""
        order = rng.permutation(len(self.rows))
        size = _POOL * self.batch_size
        pools = [order[i : i + size] for i in range(0, len(order), size)]
        order = np.concatenate([pool[np.argsort(self.lengths[pool], kind="stable")] for pool in pools])
        for batch in rng.permutation(len(self)):
            yield self.rows[order[batch * self.batch_size : (batch + 1) * self.batch_size]]


class LengthOrder(RowBatches[NDArray[np.int64]]):
    """Batches of rows in ascending length, the same in every pass."""

    def __init__(self, rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int) -> None:
        super().__init__(rows[np.argsort(lengths, kind="stable")], batch_size)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        for start in range(0, len(self.rows), self.batch_size):
            yield self.rows[start : start + self.batch_size]
