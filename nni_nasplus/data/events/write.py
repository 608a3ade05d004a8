"""Encode all events into the files of a cache, a few users at a time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nni_nasplus._progress import progress_bar
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.tables.histories import Histories
from nni_nasplus.data.events.tables.spool import Spool

__all__ = ["write_arrays"]

_CHUNK = 1 << 18
"""Events encoded at a time, give or take one user's: what bounds the memory, however many there are in all."""
_PER_EVENT = ("categorical", "numeric", "time", "gap")
"""The arrays that are written part by part; those of one value a user fit into memory."""


def write_arrays(
    folder: Path,
    encoder: EventEncoder,
    spooled: Spool,
    histories: Histories,
    ids: NDArray[np.generic],
    label: NDArray[Any],
    split: NDArray[np.int8],
    progress: bool,
) -> None:
    """Write the files of ``EventArrays`` for users whose ``ids`` and ``split`` are [U], and ``label`` [U] or [U, K]."""
    files = {name: (folder / f"{name}.npy").open("wb") for name in _PER_EVENT}
    total = len(histories.order)
    try:
        with progress_bar("encoding", total, "events", shown=progress) as advance:
            for start, stop in _chunks(histories.offsets):
                part = encoder.encode(spooled, histories.part(start, stop), ids[start:stop])
                for name, file in files.items():
                    _append(file, getattr(part, name), total)
                advance(len(part.time))
    finally:
        for file in files.values():
            file.close()
    per_user: dict[str, NDArray[Any]] = {
        "offsets": histories.offsets,
        "label": label,
        "split": split,
        "ids": ids,
    }
    for name, array in per_user.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _chunks(offsets: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of users with about ``_CHUNK`` events."""
    targets = np.arange(_CHUNK, offsets[-1], _CHUNK)
    cuts = np.unique([0, *np.searchsorted(offsets, targets), len(offsets) - 1])
    return [(int(a), int(b)) for a, b in pairwise(cuts)]


def _append(file: BinaryIO, array: NDArray[np.generic], total: int) -> None:
    """Append rows to a ``.npy`` file that is to hold ``total`` of them."""
    if file.tell() == 0:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(file, {**header, "shape": (total, *array.shape[1:])})
    file.write(np.ascontiguousarray(array).tobytes())
