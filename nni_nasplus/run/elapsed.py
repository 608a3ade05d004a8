"""How long a search has taken, by the clock: the measure of what may follow it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from nni_nasplus._files import damage_named, read_json, unlink_file, write_json
from nni_nasplus.errors import UserError
from nni_nasplus.run.run import Run

__all__ = ["elapsed", "timed"]

_ELAPSED = "elapsed.json"
"""The file in a run directory."""


@contextlib.contextmanager
def timed(run: Run) -> Iterator[None]:
    """Add the time that the block takes to that of the search, also where it is interrupted."""
    started, before = time.monotonic(), elapsed(run)
    try:
        yield
    finally:
        with contextlib.suppress(UserError):  # it is a measure; what hinders it hinders the search, which says so
            unlink_file(run.directory / _ELAPSED)
            write_json(run.directory / _ELAPSED, {"seconds": before + time.monotonic() - started})


def elapsed(run: Run) -> float:
    """The seconds of all that was searched so far; what a killed process had searched is missing.

    0 where nothing is known, as of a file that is damaged.
    """
    path = run.directory / _ELAPSED
    with contextlib.suppress(UserError), damage_named(path):
        return float(read_json(path)["seconds"]) if path.is_file() else 0.0
    return 0.0
