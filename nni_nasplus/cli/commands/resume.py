"""``nasplus resume``: go on with a search."""

from __future__ import annotations

from dataclasses import replace

from nni_nasplus.cli.running import finish
from nni_nasplus.errors import UserError
from nni_nasplus.run.directory.clock import seconds_used
from nni_nasplus.run.run import Run

__all__ = ["resume"]


def resume(
    directory: str,
    *,
    trials: int | None = None,
    minutes: float | None = None,
    port: int | None = None,
    bind: str | None = None,
) -> None:
    """Go on with a search, however it was interrupted: results are kept, what was in training is tried again.

    Parameters
    ----------
    directory
        The directory given to --out.
    trials
        Architectures to train in all, to go on with a search that is complete; as at its start without.
    minutes
        How long the search may take in all, what it has taken so far among them; without --trials with as many of them
        as fit. As at its start without.
    port
        Of the web UI; as at its start without.
    bind
        The address that the web UI listens on, without a password: 0.0.0.0 for every interface; as at its start
        without.
    """
    run = Run.open(directory)
    if trials is not None:
        _require_room(run, trials)
    if minutes is not None:
        _require_time(run, minutes)
        run = run.with_settings(minutes=minutes, trials=None)
    given = {"trials": trials, "port": port, "bind": bind}
    finish(run.with_settings(**{name: value for name, value in given.items() if value is not None}))


def _require_room(run: Run, trials: int) -> None:
    finished = len(run.history().finished) if run.has_trials else 0
    if trials < max(1, finished):
        raise UserError(f"--trials is {trials} and {finished} have finished; use {max(1, finished)} or more")


def _require_time(run: Run, minutes: float) -> None:
    replace(run.settings, minutes=minutes).check_minutes()
    used = seconds_used(run.directory) / 60
    if minutes <= used:
        raise UserError(f"--minutes is {minutes:g} and {used:.1f} were used; use more than that")
