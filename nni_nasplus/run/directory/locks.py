"""Who holds a run directory: one process at a time searches in it, and one trains what is exported of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from nni_nasplus._files import is_linked, unlink_files
from nni_nasplus.errors import UserError
from nni_nasplus.run.directory.places import not_writable
from nni_nasplus.search.journal import JOURNAL

__all__ = ["Part", "held"]

Part = Literal["trials", "models"]
_LOCKS = {
    "trials": (".lock", "searches in, or shows,"),
    "models": (".models.lock", "searches in, or trains what is exported of,"),
}
"""Files that are locked by who holds a part of the directory, and what else that may be."""


@contextmanager
def held(directory: Path, part: Part) -> Iterator[None]:
    """Hold a part of a run directory; the system lets go of it when the holder dies.

    A copy that is made of links gets files of its own first, so that writing to it leaves the original as it is.

    Raises
    ------
    UserError
        If another process holds it, or it cannot be written.
    """
    name, holder = _LOCKS[part]
    lock = FileLock(directory / name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"another process {holder} {directory}; wait for it or end it") from None
    except OSError as error:
        raise not_writable(directory, error.strerror) from None
    try:
        if is_linked(directory / JOURNAL):
            unlink_files(directory)
        yield
    finally:
        lock.release()
