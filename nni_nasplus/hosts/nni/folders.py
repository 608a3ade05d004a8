"""Where NNI keeps an experiment, and where this package keeps its search; what a directory that was moved needs."""

from __future__ import annotations

import contextlib
import copy
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["NNI", "nni_run_directory", "settle_experiment"]

NNI = "nni"
"""The folder of a run directory that NNI keeps its experiments in."""
_PLACES = (
    ("experimentWorkingDirectory",),
    ("trialCodeDirectory",),
    ("trialCommand",),
    ("trainingService", "trialCodeDirectory"),
    ("trainingService", "trialCommand"),
    ("tuner", "codeDirectory"),
    ("tuner", "classArgs", "directory"),
)
"""The settings of an experiment that say where something is."""


def nni_run_directory(inside: Path) -> Path:
    """The default run directory of an NNI experiment, from any folder inside the experiment's."""
    for folder in [inside, *inside.parents]:
        if (folder / "db").is_dir() and (folder / "log").is_dir():
            return folder / "nasplus"
    return inside / "nasplus"


def settle_experiment(folder: Path, experiment: str, config: Mapping[str, Any]) -> None:
    """Write into an experiment's database where it is now; a manager that resumes it reads its settings from there.

    Parameters
    ----------
    folder
        That of experiments.
    experiment
        Its id.
    config
        The experiment's settings as JSON values, of which the paths and the command count.
    """
    here = str(folder.resolve() / experiment)
    with contextlib.closing(sqlite3.connect(f"{here}/db/nni.sqlite")) as connection, connection:
        profiles = connection.execute("SELECT rowid, params, logDir FROM ExperimentProfile").fetchall()
        for row, params, before in profiles:
            known = json.loads(params)
            if ((settled := _settled(known, config)), here) != (known, before):
                update = "UPDATE ExperimentProfile SET params = ?, logDir = ? WHERE rowid = ?"
                connection.execute(update, (json.dumps(settled), here, row))
                _settle_trials(connection, before, here)


def _settled(params: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, some of which the user may have changed in the web UI, with the places of the others."""
    settled = copy.deepcopy(dict(params))
    for *parts, name in _PLACES:
        old, new = _part(settled, parts), _part(config, parts)
        if name in old and name in new:
            old[name] = new[name]
    return settled


def _part(content: Any, names: Sequence[str]) -> dict[str, Any]:
    """A part of settings by the names that lead to it; empty where there is none."""
    for name in names:
        content = content.get(name) or {}
    found: dict[str, Any] = content
    return found


def _settle_trials(connection: sqlite3.Connection, before: str, now: str) -> None:
    """Let the web UI find the trials' files."""
    connection.execute(
        "UPDATE TrialJobEvent SET logPath = ? || substr(logPath, ?) WHERE substr(logPath, 1, ?) = ?",
        (now, len(before) + 1, len(before), before),
    )
