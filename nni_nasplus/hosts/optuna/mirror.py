"""The journal of a run, kept in step with its study: what shows, exports, teaches and replays reads the journal."""

from __future__ import annotations

import math
from datetime import datetime

import optuna
from optuna.trial import FrozenTrial, TrialState

from nni_nasplus.hosts.optuna.study import RETRIES
from nni_nasplus.hosts.optuna.suggestion import ORIGIN, architecture_of
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.training.trial_folder import teachers_of, trial_directory

__all__ = ["Mirror"]


class Mirror:
    """Copies what happens in a study to a journal: proposals, and how they ended.

    An architecture that is tried again is one trial of the journal. A failure counts once nobody tries it again.
    """

    def __init__(self, study: optuna.Study, archive: Journal, space: SearchSpace) -> None:
        self._study = study
        self._archive = archive
        self._space = space
        self._numbers = {space.key(trial.architecture): trial.number for trial in archive.trials}

    def copy(self) -> None:
        """Bring the journal up to date."""
        groups: dict[str, list[FrozenTrial]] = {}
        for trial in self._study.get_trials(deepcopy=False):
            if (key := self._asked(trial)) is not None:
                groups.setdefault(key, []).append(trial)
        ended = {key: end for key, group in groups.items() if (end := _end(group)) is not None}
        for key in sorted(ended, key=lambda key: ended[key].datetime_complete or datetime.max):
            self._tell(key, ended[key])

    def _asked(self, trial: FrozenTrial) -> str | None:
        """The key of what a trial trains, in the journal from now on; None while it is not known."""
        architecture = architecture_of(trial, self._space)
        if architecture is None:
            return None
        key = self._space.key(architecture)
        if key not in self._numbers:
            origin = trial.system_attrs.get(ORIGIN, "enqueued")
            self._numbers[key] = self._archive.ask(architecture, origin).number
        return key

    def _tell(self, key: str, trial: FrozenTrial) -> None:
        number = self._numbers[key]
        if self._archive.trials[number].status != "pending":
            return
        score = trial.value if trial.value is not None and math.isfinite(trial.value) else None
        score = score if trial.state == TrialState.COMPLETE else None
        metrics = {name: value for name, value in trial.user_attrs.items() if isinstance(value, (int, float))}
        self._archive.tell(
            number,
            score,
            metrics=metrics,
            cost=metrics.get("seconds"),
            reason=None if score is not None else trial.user_attrs.get("reason", _WHY.get(trial.state)),
            teachers=teachers_of(trial_directory(self._archive.path.parent, key)),
        )


_WHY = {TrialState.PRUNED: "pruned", TrialState.FAIL: "the worker was killed, or the trial failed without a reason"}


def _end(trials: list[FrozenTrial]) -> FrozenTrial | None:
    """How an architecture ended: complete if it ever was, else as its last trial; None while one waits, runs, or was
    killed and is going to wait again.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if complete:
        return complete[0]
    last = trials[-1]
    killed = last.state == TrialState.FAIL and "reason" not in last.user_attrs
    if killed and len(last.system_attrs.get("retry_history", [])) < RETRIES:
        return None
    return last if all(trial.state.is_finished() for trial in trials) else None
