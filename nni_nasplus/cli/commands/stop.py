"""``nasplus stop``: end a search that still runs."""

from __future__ import annotations

import sys

from nni_nasplus.hosts.running import host_of
from nni_nasplus.run.run import Run

__all__ = ["stop"]


def stop(directory: str) -> None:
    """End a search that still runs, or the NNI manager that a killed one left behind; what had finished is kept.

    Parameters
    ----------
    directory
        The directory given to --out.
    """
    run = Run.open(directory)
    ended = host_of(run).stop(run)
    sys.stdout.write("".join(f"{line}\n" for line in ended) or "nothing runs\n")
