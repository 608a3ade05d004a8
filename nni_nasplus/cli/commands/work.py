"""``nasplus work``: another worker for a search whose host takes workers from anywhere."""

from __future__ import annotations

from nni_nasplus.cli.surroundings import live_within
from nni_nasplus.hosts.running import host_of
from nni_nasplus.run.run import Run

__all__ = ["work"]


def work(directory: str) -> None:
    """Train trials of a search of the Optuna host until none is left, beside its own workers.

    On another machine the directory must be on a shared file system, and the storage a database that both reach.

    Parameters
    ----------
    directory
        The directory given to --out.
    """
    run = Run.open(directory)
    run.require_whole()
    run.require_writable()
    live_within(run.directory)
    host_of(run).work(run)
