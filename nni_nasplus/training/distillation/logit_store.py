"""Teachers' logits on disk, shared by all trials of an experiment."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

__all__ = ["LogitStore"]

Logits = NDArray[np.float32]


class LogitStore:
    """A folder of one ``.npy`` file a teacher, each computed once however many processes ask for it.

    A file appears whole or not at all. Whoever computes one holds the teacher's lock, which the operating system
    releases when its holder dies; what the holder left half-written is removed. A file that is evicted while another
    process has it mapped stays readable there.

    Parameters
    ----------
    folder
        Made if need be.
    shape
        (samples, classes) of every file.
    max_bytes
        The most that all files take together, besides those being written.
    ranking
        Names, the most useful first; files of other names are worth least.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], max_bytes: int, ranking: Sequence[str]) -> None:
        self.folder = folder
        self.shape = shape
        self.header = _header(shape)
        self.max_bytes = max_bytes
        self.worth = {name: -place for place, name in enumerate(ranking)}
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def file_bytes(self) -> int:
        """The size of one file."""
        return len(self.header) + 4 * self.shape[0] * self.shape[1]

    def get(self, name: str, compute: Callable[[], Logits]) -> Logits:
        """The mapped logits [samples, classes] of a teacher, computed where they are absent or damaged.

        Raises
        ------
        ValueError
            If what was computed has another shape.
        """
        with self._lock(name):
            kept = self._open(name)
            if kept is not None:
                return kept
            damaged = self._drop(name)
            logits = self._publish(name, compute())
            if damaged:
                warnings.warn(f"{self._path(name)} was damaged and is computed anew", stacklevel=2)
            return logits

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    def _partial(self, name: str) -> Path:
        return self.folder / f".{name}.partial"

    def _lock(self, name: str, timeout: float = -1) -> FileLock:
        return FileLock(self.folder / f".{name}.lock", timeout=timeout)

    def _catalogue(self) -> FileLock:
        """What is held while files come and go."""
        return FileLock(self.folder / ".lock")

    def _open(self, name: str) -> Logits | None:
        """The file's content; None where it is absent, half-written or of another shape."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                whole = file.read(len(self.header)) == self.header and path.stat().st_size == self.file_bytes
            return np.load(path, mmap_mode="r", allow_pickle=False) if whole else None
        except OSError:
            return None

    def _drop(self, name: str) -> bool:
        """Remove a file; whether there was one."""
        with self._catalogue():
            there = self._path(name).exists()
            self._path(name).unlink(missing_ok=True)
        return there

    def _publish(self, name: str, logits: Logits) -> Logits:
        if logits.shape != self.shape:
            raise ValueError(f"its logits are {list(logits.shape)}, not {list(self.shape)}")
        partial = self._partial(name)
        with partial.open("wb") as file:
            np.lib.format.write_array(file, np.ascontiguousarray(logits, "<f4"), version=(1, 0), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        with self._catalogue():
            self._sweep(name)
            self._make_room()
            partial.replace(self._path(name))
            return np.load(self._path(name), mmap_mode="r", allow_pickle=False)

    def _sweep(self, writing: str) -> None:
        """Remove the partial files of processes that died."""
        for partial in self.folder.glob(".*.partial"):
            name = partial.name[1 : -len(".partial")]
            if name == writing:
                continue
            try:
                with self._lock(name, timeout=0):
                    partial.unlink(missing_ok=True)
            except Timeout:
                pass

    def _make_room(self) -> None:
        """Evict the least useful files until one more fits."""
        worst_first = sorted(self.folder.glob("*.npy"), key=lambda path: self.worth.get(path.stem, -len(self.worth)))
        excess = self.file_bytes - self.max_bytes + sum(path.stat().st_size for path in worst_first)
        for path in worst_first:
            if excess <= 0:
                return
            excess -= path.stat().st_size
            path.unlink()


def _header(shape: tuple[int, int]) -> bytes:
    """How a ``.npy`` file of this shape begins. What begins otherwise is not read at all."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return header.getvalue()
