"""Whose a study is: a run that was copied, or came to another file system, does not train into another's study.

The default storage lies in the run's directory and goes with it. In any other, which runs may share, a study knows the
directory that it belongs to; a run from elsewhere gets a study of its own, which begins with what the run has finished.
"""

from __future__ import annotations

import itertools
import platform
import warnings
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from nni_nasplus.errors import UserError
from nni_nasplus.hosts.optuna.imported import as_study
from nni_nasplus.hosts.optuna.sampling.suggestion import architecture_of
from nni_nasplus.hosts.optuna.study import open_storage, storage_url, study_name
from nni_nasplus.run.run import Run
from nni_nasplus.search.space import SearchSpace

__all__ = ["require_own_study", "with_own_study"]

_HOME = "nasplus:home"
"""The system attribute of a study that says which directory it belongs to."""


def with_own_study(run: Run) -> Run:
    """The run, whose study is its own: the one that was, or a new one under a name that is free.

    Raises
    ------
    UserError
        If the storage cannot be reached.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(storage_url(run))
    study = _study(run, storage)
    if study is None:
        _begin(run, storage, study_name(run), as_study(run).get_trials() if run.has_trials else [])
    elif run.settings.storage is not None and not _is_mine(study, run):
        known = optuna.get_all_study_names(storage)
        name = next(name for name in _names(run.directory.name) if name not in known)
        warnings.warn(f"{run.directory} is not where it was; its study is now '{name}'", stacklevel=2)
        _begin(run, storage, name, _finished(run, study))
        return run.with_settings(study=name)
    return run


def require_own_study(run: Run) -> None:
    """Raise :class:`UserError` if the study of a run is another run's."""
    study = _study(run, open_storage(storage_url(run)))
    if study is not None and run.settings.storage is not None and not _is_mine(study, run):
        original = _home(study)["directory"]
        raise UserError(
            f"the study '{study.study_name}' belongs to {original}, of which {run.directory} is a copy; "
            f"begin the copy's own with: nasplus resume {run.directory}"
        )


def _study(run: Run, storage: BaseStorage) -> optuna.Study | None:
    try:
        return optuna.load_study(study_name=study_name(run), storage=storage)
    except KeyError:
        return None


def _begin(run: Run, storage: BaseStorage, name: str, trials: list[FrozenTrial]) -> None:
    study = optuna.create_study(storage=storage, study_name=name, direction=run.settings.direction)
    storage.set_study_system_attr(study._study_id, _HOME, _place(run))
    study.add_trials(trials)


def _place(run: Run) -> dict[str, Any]:
    """What tells a directory from its copies: a moved one keeps its inode, also as another machine sees it."""
    return {"directory": str(run.directory), "host": platform.node(), "inode": run.directory.stat().st_ino}


def _home(study: optuna.Study) -> dict[str, Any]:
    home: dict[str, Any] = study._storage.get_study_system_attrs(study._study_id).get(_HOME, {})
    return home


def _is_mine(study: optuna.Study, run: Run) -> bool:
    """Whether a study belongs to a run, or to none."""
    home, here = _home(study), _place(run)
    return not home or home["inode"] == here["inode"] or all(home[name] == here[name] for name in ("directory", "host"))


def _names(name: str) -> itertools.chain[str]:
    return itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))


def _finished(run: Run, study: optuna.Study) -> list[FrozenTrial]:
    """The trials that have ended as far as the run knows: what ended later was trained elsewhere."""
    if not run.has_trials:
        return []
    history = run.history()
    ended = {history.space.key(trial.architecture) for trial in history.finished}
    return [trial for trial in study.get_trials() if trial.state.is_finished() and _key(trial, history.space) in ended]


def _key(trial: FrozenTrial, space: SearchSpace) -> str | None:
    architecture = architecture_of(trial, space)
    return None if architecture is None else space.key(architecture)
