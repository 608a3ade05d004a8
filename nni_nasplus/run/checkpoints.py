"""What paused trials go on from takes room: bounded in number and bytes, of which the least useful goes first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from nni_nasplus.run.run import Run
from nni_nasplus.search.history import History
from nni_nasplus.search.trial import Trial
from nni_nasplus.training.trial_folder import trial_directory

__all__ = ["bound_checkpoints"]


def bound_checkpoints(run: Run, history: History) -> None:
    """Remove checkpoints until those that are left keep to the settings.

    Those of trials that have failed go at once, for nobody goes on from them. Those of trials that run count, and are
    not touched. Of those that wait, the ones stay that are nearest to the top of their rung. Should a trial go on whose
    checkpoint is gone, it is trained from the beginning.
    """
    if run.settings.budget is None:
        return
    useless = [file for trial in history.trials if trial.status == "failed" for file in _files(run, history, trial)]
    number, size = 0, 0.0
    for trial in (*_running(history), *_by_use(history)):
        files = _files(run, history, trial)
        number, size = number + bool(files), size + sum(map(_size, files))
        if trial.status == "pending":
            continue
        if number > run.settings.max_checkpoints or size > run.settings.max_checkpoints_mib * 2**20:
            useless += files
    for file in useless:
        file.unlink(missing_ok=True)


def _running(history: History) -> list[Trial]:
    return [trial for trial in history.trials if trial.status == "pending"]


def _by_use(history: History) -> Iterator[Trial]:
    """The trials that wait, those first that are nearest to the top of their rung, of equals those of higher rungs."""
    places = []
    for rung, arrived in history.arrivals.items():
        ranked = sorted(arrived, key=lambda trial: -history.utility_at(trial, rung))
        waiting = [(place / len(ranked), -rung, trial.number) for place, trial in enumerate(ranked)]
        places += [one for one in waiting if history.trials[one[2]].reached == rung]
    return (history.trials[number] for *_, number in sorted(places) if history.trials[number].status == "done")


def _files(run: Run, history: History, trial: Trial) -> list[Path]:
    return sorted(trial_directory(run.directory, history.space.key(trial.architecture)).glob("*.ckpt"))


def _size(file: Path) -> int:
    """In bytes; of one that its trial has just removed, none."""
    with contextlib.suppress(FileNotFoundError):
        return file.stat().st_size
    return 0
