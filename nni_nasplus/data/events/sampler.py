"""Which users share a training batch: those of about the same length, drawn anew each epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

__all__ = ["BucketSampler", "LengthOrder"]

_POOL = 32
"""Batches per pool; users are sorted by length within a pool of this many batches."""


class BucketSampler(Sampler[NDArray[np.int64]]):
    """Batches of rows, random and alike in length; every row once per epoch, the last partial batch kept.

    The batches are a function of (seed, epoch). The epoch counts up with each pass; ``set_epoch``, which
    Lightning calls, sets it.
    """

    def __init__(self, rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int, seed: int) -> None:
        self.rows = rows
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        self.epoch += 1
        order = rng.permutation(len(self.rows))
        pools = [order[i : i + self._pool] for i in range(0, len(order), self._pool)]
        order = np.concatenate([pool[np.argsort(self.lengths[pool], kind="stable")] for pool in pools])
        for batch in rng.permutation(len(self)):
            yield self.rows[order[batch * self.batch_size : (batch + 1) * self.batch_size]]

    @property
    def _pool(self) -> int:
        return _POOL * self.batch_size


class LengthOrder(Sampler[NDArray[np.int64]]):
    """Batches of rows in ascending length, the same in every pass."""

    def __init__(self, rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int) -> None:
        self.rows = rows[np.argsort(lengths, kind="stable")]
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        for start in range(0, len(self.rows), self.batch_size):
            yield self.rows[start : start + self.batch_size]
