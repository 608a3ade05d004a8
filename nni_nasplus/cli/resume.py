"""``nasplus resume``: go on with a search."""

from __future__ import annotations

from pathlib import Path

from nni_nasplus.cli.running import finish
from nni_nasplus.errors import UserError
from nni_nasplus.run.run import Run
from nni_nasplus.search.journal import JOURNAL

__all__ = ["resume"]


def resume(directory: str, *, trials: int | None = None, port: int = 8080, bind: str = "127.0.0.1") -> None:
    """Go on with a search, however it was interrupted: results are kept, what was in training is tried again.

    Parameters
    ----------
    directory
        The directory given to --out.
    trials
        Architectures to train in all, to go on with a search that is complete; as at its start without.
    port
        Of the web UI.
    bind
        The address that the web UI listens on, without a password: 0.0.0.0 for every interface.
    """
    run = Run.open(directory)
    if trials is not None:
        run = _extended(run, trials)
    finish(run, port, bind)


def _extended(run: Run, trials: int) -> Run:
    finished = len(run.archive().finished) if (run.directory / JOURNAL).exists() else 0
    if trials < max(1, finished):
        raise UserError(f"--trials is {trials} and {finished} have finished; use {max(1, finished)} or more")
    return Run.rewrite(Path(run.directory), {**run.settings, "trials": trials})
