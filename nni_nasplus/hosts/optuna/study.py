"""The study of a run: its storage, its queue of trials, and how a worker takes from it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url

from nni_nasplus.errors import UserError
from nni_nasplus.hosts.optuna.sampling.parts import RETRIES, Timeline, replay
from nni_nasplus.hosts.optuna.sampling.sampler import NasSampler, is_hopeless
from nni_nasplus.hosts.optuna.sampling.suggestion import architecture_of
from nni_nasplus.run.run import Run
from nni_nasplus.search.epochs.budget import Budget
from nni_nasplus.search.history import History
from nni_nasplus.search.time_limit import TimeLimit, next_seconds, training_seconds
from nni_nasplus.search.trial import Proposal

__all__ = [
    "QueueEmpty",
    "QueuedStudy",
    "begin_another",
    "fill_queue",
    "has_more",
    "most_trials",
    "open_storage",
    "open_study",
    "storage_url",
    "study_name",
    "try_again",
    "unfinished",
]

DATABASE = "study.db"
_HEARTBEAT_S = 5
_GRACE_S = 30
_LOCKED_S = 60
"""How long SQLite waits for others to write: five seconds by itself, which a busy disk takes, and then workers end."""


class QueueEmpty(Exception):
    """No trial waits."""


class QueuedStudy(optuna.Study):
    """A study whose workers take the trials that wait and make none themselves, so that they are as many as asked."""

    def _pop_waiting_trial_id(self) -> int | None:
        trial_id = super()._pop_waiting_trial_id()
        if trial_id is None:
            raise QueueEmpty
        if isinstance(self._storage, BaseHeartbeat):
            self._storage.record_heartbeat(trial_id)  # Optuna's first comes after the proposal: a worker may die before
        return trial_id


class _Database(RDBStorage):
    """A database where one worker takes a trial: SQLite knows no ``SELECT … FOR UPDATE``, which Optuna relies on."""

    def set_trial_state_values(self, *arguments: Any, **named: Any) -> bool:
        path = self.engine.url.database or ""
        is_shared = self.engine.dialect.name == "sqlite" and Path(path).is_file()
        with FileLock(f"{path}.lock") if is_shared else nullcontext():
            return super().set_trial_state_values(*arguments, **named)


def open_storage(url: str) -> BaseStorage:
    """A database by its URL, whose killed workers' trials are tried again after half a minute, or a journal file.

    A journal, ``journal:PATH``, is for file systems that cannot hold SQLite, such as NFS; it knows no heartbeat.

    Raises
    ------
    UserError
        If it cannot be reached.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return _journal(url) if url.startswith("journal:") else _database(url)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"the storage {url} cannot be reached: {reason or type(error).__name__}") from error


def _journal(url: str) -> BaseStorage:
    return JournalStorage(JournalFileBackend(url.removeprefix("journal:")))


def _database(url: str) -> BaseStorage:
    waits = {"connect_args": {"timeout": _LOCKED_S}} if _is_impatient(url) else None
    return _Database(url, waits, heartbeat_interval=_HEARTBEAT_S, grace_period=_GRACE_S, **_retry())


def _is_impatient(url: str) -> bool:
    """Whether it is SQLite, and its user has not said how long it waits."""
    parsed = make_url(url)
    return parsed.get_backend_name() == "sqlite" and "timeout" not in parsed.query


def _retry() -> dict[str, Any]:
    """Try the trials of killed workers again; Optuna 4.9 has renamed the argument."""
    is_new = hasattr(optuna.storages, "RetryHeartbeatStaleTrialCallback")
    return {"heartbeat_stale_trial_callback" if is_new else "failed_trial_callback": _callback()}


def _callback() -> Callable[[optuna.Study, FrozenTrial], None]:
    kind = getattr(optuna.storages, "RetryHeartbeatStaleTrialCallback", None)
    return (kind or optuna.storages.RetryFailedTrialCallback)(RETRIES)


def try_again(trial: optuna.Trial) -> None:
    """Let a trial that was interrupted wait once more; this one fails.

    It is no fault of the trial, however often it happens: unlike deaths of its worker it is not counted.
    """
    known = trial.study._storage.get_trial(trial._trial_id)
    attributes = {"failed_trial": known.number, "retry_history": [], **known.system_attrs}
    content: dict[str, Any] = {
        "params": known.params,
        "distributions": known.distributions,
        "user_attrs": known.user_attrs,
    }
    trial.study.add_trial(optuna.create_trial(state=TrialState.WAITING, system_attrs=attributes, **content))


def storage_url(run: Run) -> str:
    """The storage of a run; by default a file in its directory."""
    return run.settings.storage or f"sqlite:///{run.directory / DATABASE}"


def open_study(run: Run) -> QueuedStudy:
    """The study of a run, created if it is not there.

    Raises
    ------
    UserError
        If the storage cannot be reached, or the study is of another direction or space.
    """
    storage, name, direction = open_storage(storage_url(run)), study_name(run), run.settings.direction
    optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
    sampler = _sampler(run)
    study = QueuedStudy(name, storage, sampler, optuna.pruners.NopPruner())
    if (there := study.direction.name.lower()) != direction:
        raise UserError(f"study {name} is to {there}, the search to {direction}; name another storage with --storage")
    sampler.turn_to(study)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([run.settings.objective])
    return study


def _sampler(run: Run) -> NasSampler:
    """The search of a run as a sampler."""
    search = run.new_search(run.space.search_space)
    return NasSampler(
        search.strategy,
        search.space,
        seed=search.seed,
        initial=search.history.initial,
        ranking=search.history.ranking,
        earlier=search.history.memory or (),
        excess=search.excess,
        costs=search.history.costs,
        budget=search.budget,
        time_limit=search.time_limit if search.budget else None,  # whole trainings wait only where there is time
    )


def study_name(run: Run) -> str:
    """The name of a run's study; by default that of the directory that it began in."""
    return run.settings.study or run.directory.name


def fill_queue(study: optuna.Study, trials: int) -> None:
    """Let as many trials wait as are still to be made of ``trials``; one that is tried again counts once."""
    for _ in range(trials - len(_known(study))):
        study.enqueue_trial({})


def _known(study: optuna.Study) -> list[FrozenTrial]:
    """The trials, without those that are another's next try."""
    return [trial for trial in study.get_trials(deepcopy=False) if "failed_trial" not in trial.system_attrs]


def most_trials(run: Run) -> float:
    """As many as are asked for, or as the space has architectures; infinite where only the time is limited."""
    asked, size = run.settings.most_trials, run.space.search_space.size
    return asked if size is None else min(asked, size)


def unfinished(study: optuna.Study) -> bool:
    """Whether a trial waits or runs, anywhere."""
    return bool(study.get_trials(deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING)))


def has_more(run: Run, study: optuna.Study) -> bool:
    """Whether a trial waits or runs, anywhere, or there is time for one; with a budget, as many are made to wait as can
    be filled now.
    """
    budget = run.settings.make_budget()
    is_open = unfinished(study)  # before it is filled: what ends meanwhile may let another go on
    if budget is not None:
        with _filling(run):
            _fill_parts(run, study, budget)
    return is_open or unfinished(study) or _may_begin(run, study)


def begin_another(run: Run, study: optuna.Study) -> bool:
    """Let a trial wait for a worker that has none, where time is what ends the search; whether one does."""
    with _filling(run):
        if not _may_begin(run, study):
            return False
        if not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            study.enqueue_trial({})
        return True


def _filling(run: Run) -> FileLock:
    return FileLock(run.directory / "queue.lock")


def _may_begin(run: Run, study: optuna.Study) -> bool:
    """Whether time is what ends the search, and there is enough for another whole training.

    What trainings took is read off the journal. A trial that was pruned without an architecture says that there is no
    other.
    """
    limit, space = run.time_limit, run.space.search_space
    if limit is None or run.settings.budget is not None:
        return False
    known = _known(study)
    is_exhausted = any(trial.state == TrialState.PRUNED and architecture_of(trial, space) is None for trial in known)
    if is_exhausted or len(known) >= most_trials(run):
        return False
    if not known or not run.has_trials:
        return True
    history = run.history()
    return not is_hopeless(history) and limit.allows(training_seconds(history))


def _fill_parts(run: Run, study: optuna.Study, budget: Budget) -> None:
    """Let no more trials wait than there is something to train for, nor than work at a time."""
    space, trials = run.space.search_space, study.get_trials(deepcopy=False)
    is_open = (TrialState.WAITING, TrialState.RUNNING)
    empty = sum(trial.state in is_open and architecture_of(trial, space) is None for trial in trials)
    if empty >= run.settings.concurrency:
        return
    history = History(space, run.settings.direction)
    replay(Timeline(space).news(trials)[1], history)
    steps = _steps(history, budget, run.time_limit)
    for _ in range(int(min(run.settings.concurrency, steps)) - empty):
        study.enqueue_trial({})


def _steps(history: History, budget: Budget, limit: TimeLimit | None) -> float:
    """How many trials may go on or begin now; the history takes them for running from now on."""
    if limit is not None and history.begun and not limit.allows(next_seconds(history, budget)):
        return 0 if history.pending or budget.finalist(history) is None else 1
    new = budget.trials - history.begun
    if history.space.size is not None:
        new = min(new, history.space.size - history.proposed)
    if new <= 0:
        budget = budget.closed()
    going = 0
    while step := budget.step(history):
        history.ask(Proposal(step.trial.architecture, step.trial.origin, step.epochs))
        going += 1
    return going + max(0, new)
