"""The arrays of a prepared cache, memory-mapped and shared by all trials, and the batches cut from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nni_nasplus.data.events.batch import EventBatch
from nni_nasplus.data.mapped_arrays import MappedArrays

__all__ = ["EventArrays"]


@dataclass(frozen=True, kw_only=True)
class EventArrays(MappedArrays):
    """U users' E encoded events, grouped by user and in time order within a user."""

    absent = "is no prepared event data: make it by nni_nasplus.data.events.prepare"
    categorical: NDArray[np.int32]
    """[E, n_categorical] codes."""
    numeric: NDArray[np.float32]
    """[E, n_numeric] scaled and imputed."""
    time: NDArray[np.float32]
    """[E] position in the time span of the training events."""
    gap: NDArray[np.float32]
    """[E] time since the user's previous event, in units of the median training gap."""
    offsets: NDArray[np.int64]
    """[U + 1]: the events of user u are ``offsets[u]:offsets[u + 1]``."""
    label: NDArray[Any]
    """[U] int64 class, −1 where unknown; of numbers and of tags [U, K] float32."""
    ids: NDArray[np.generic]
    """[U] the names of the users, as int64 or text."""

    def lengths(self, max_length: int) -> NDArray[np.int64]:
        """[U] events a user has, at most ``max_length``."""
        return np.minimum(np.diff(self.offsets), max_length)

    def batch(self, rows: Sequence[int] | NDArray[np.int64], max_length: int) -> EventBatch:
        """The most recent ``max_length`` events of each of the users ``rows`` [B], zero-padded on the right."""
        index = np.asarray(rows, dtype=np.int64)
        stop = self.offsets[index + 1]
        length = np.minimum(stop - self.offsets[index], max_length)
        step = np.arange(length.max())
        mask = step < length[:, None]
        events = np.minimum((stop - length)[:, None] + step, len(self.time) - 1)
        gap = _take(self.gap, events, mask)
        gap[:, 0] = 0
        return EventBatch(
            categorical=_take(self.categorical, events, mask, np.int64),
            numeric=_take(self.numeric, events, mask),
            time=_take(self.time, events, mask),
            gap=gap,
            mask=torch.from_numpy(mask),
            label=torch.from_numpy(self.label[index]),
            row=torch.from_numpy(index),
        )


def _take(
    values: NDArray[Any], events: NDArray[np.int64], mask: NDArray[np.bool_], dtype: type | None = None
) -> torch.Tensor:
    """``values`` at ``events`` [B, L], zero outside the mask."""
    taken = np.take(values, events, axis=0).astype(dtype or values.dtype, copy=False)
    taken[~mask] = 0
    return torch.from_numpy(taken)
