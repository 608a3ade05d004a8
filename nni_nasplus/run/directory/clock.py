"""How long a search has run, over all the times that it was begun and gone on with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nni_nasplus._files import damage_named, read_json, unlink_file, write_json
from nni_nasplus.search.journal import JOURNAL
from nni_nasplus.search.trial import finite

__all__ = ["CLOCK", "counted", "seconds_used"]

CLOCK = "time.json"
"""The file in a run directory: the seconds of all times ``before``, and ``since`` when the present one runs."""
_REMEDY = "remove it to count anew"


@contextmanager
def counted(directory: Path) -> Iterator[None]:
    """Count the time that a search runs; only who holds the directory may.

    An earlier time that was killed counts until the journal was last written.
    """
    before, since = _read(directory)
    if since is not None:
        journal = directory / JOURNAL
        before += max(0.0, journal.stat().st_mtime - since) if journal.exists() else 0.0
    began = time.time()
    _write(directory, before, began)
    try:
        yield
    finally:
        _write(directory, before + time.time() - began, None)


def seconds_used(directory: Path) -> float:
    """How long the search has run by now; it is taken for running where its last time has not ended.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    before, since = _read(directory)
    return before if since is None else before + max(0.0, time.time() - since)


def _read(directory: Path) -> tuple[float, float | None]:
    path = directory / CLOCK
    if not path.is_file():
        return 0.0, None
    content = read_json(path, _REMEDY)
    with damage_named(path, _REMEDY):
        since = content["since"]
        return finite(content["before"]), None if since is None else finite(since)


def _write(directory: Path, before: float, since: float | None) -> None:
    unlink_file(directory / CLOCK)
    write_json(directory / CLOCK, {"before": before, "since": since})
