"""Run a search as an NNI experiment: manager, web UI and trials on this machine."""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import shlex
import shutil
import socket
import sqlite3
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import requests
from nni.experiment import Experiment, RunMode
from nni.experiment.config import AlgorithmConfig, CustomAlgorithmConfig
from nni.runtime.log import silence_stdout

from nni_nasplus._files import write_text
from nni_nasplus.data.cache import inputs
from nni_nasplus.errors import UserError
from nni_nasplus.hosts.nni.architecture import axes_of
from nni_nasplus.hosts.nni.folders import NNI, settle_experiment
from nni_nasplus.hosts.nni.manager import LOOPBACK, living_managers, manager_environment, nni_home
from nni_nasplus.hosts.nni.post_mortem import last_error_line
from nni_nasplus.hosts.nni.preloaded import preloading, trial_interpreter
from nni_nasplus.hosts.nni.presearch import presearch_directory
from nni_nasplus.run.presearch import needs_presearch
from nni_nasplus.run.run import Run
from nni_nasplus.search.history import History
from nni_nasplus.search.journal import JOURNAL
from nni_nasplus.search.search import repeated_failure
from nni_nasplus.training.trial_folder import outcome_in

__all__ = ["NniSearch", "latest_experiment", "require_dead", "require_idle"]

_POLL_S = 0.5
_TRIAL = "trial.sh"
_LEAST_DISK = 2**20
_LAST_PORT = 65_535
_OVER = ("DONE", "ERROR", "STOPPED")
_ACTIVE = ("WAITING", "RUNNING", "UNKNOWN")


def require_idle(port: int) -> None:
    """Raise :class:`UserError` if there is no such port, or something listens on it on this machine."""
    if not 0 < port <= _LAST_PORT:
        raise UserError(f"--port is {port}; use 1 to {_LAST_PORT}")
    with socket.socket() as probe:
        if probe.connect_ex(("localhost", port)) == 0:
            raise UserError(f"port {port} is in use; name another with --port")


def require_dead(run: Run) -> None:
    """Raise :class:`UserError` if an NNI manager of a run lives."""
    for manager in living_managers(run.directory / NNI):
        raise UserError(
            f"the NNI manager of {run.directory} still runs as process {manager.process.pid}: watch it at "
            f"{manager.url}, or end it with: nasplus stop {run.directory}"
        )


class NniSearch:
    """A run as an NNI experiment, as a context manager: started or resumed on entry, stopped on exit.

    Its first trial is the presearch of the run's strategy, where that is still to be done.

    Parameters
    ----------
    run
        Its settings say all: strategy, trials, concurrency, and where the web UI listens.

    Raises
    ------
    UserError
        On entry, if the port is in use or a manager of this run lives.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.port = run.settings.port
        self._presearches = needs_presearch(run)
        self._idle_for = 0
        self._folder = run.directory / NNI
        earlier = latest_experiment(self._folder)
        with nni_home(self._folder):
            self.experiment = Experiment("local", id=earlier)
            self.experiment._action = "create" if earlier is None else "resume"
            self._configure()
            if earlier is not None:
                settle_experiment(self._folder, earlier, self._settings)

    @property
    def where(self) -> str:
        """The web UI's address."""
        return f"web UI: http://{LOOPBACK}:{self.port}"

    def _configure(self) -> None:
        settings, config = self.run.settings, self.experiment.config
        assert config is not None
        code = self._folder / "code"
        code.mkdir(parents=True, exist_ok=True)
        config.experiment_name = _name(self.run)
        config.experiment_working_directory = self._folder
        config.search_space = self.run.space.search_space.to_json()
        config.trial_code_directory = code
        config.trial_command = _short_command(f"{trial_interpreter()} {self._trial}", code)
        config.trial_concurrency = 1 if self._presearches else settings.concurrency
        remaining = self._remaining()
        config.max_trial_number = None if remaining is None or math.isinf(remaining) else int(remaining)
        config.tuner = _tuner(self.run, code, presearch=self._presearches)

    @property
    def _settings(self) -> dict[str, Any]:
        """As NNI keeps them."""
        assert self.experiment.config is not None
        return self.experiment.config.canonical_copy().json()

    @property
    def _trial(self) -> str:
        return shlex.join(["-m", "nni_nasplus.hosts.nni", str(self.run.directory)])

    @property
    def _axes(self) -> list[str]:
        return axes_of(self.run.space, is_budgeted=self.run.settings.budget is not None)

    def _remaining(self) -> float | None:
        """The trials still to finish, the presearch among them; infinite where only the minutes say what is enough, and
        None where a budget does.

        A trial of NNI is one part of a training with a budget.
        """
        if self.run.settings.budget is not None:
            return None
        finished = len(self.run.history().finished) if self.run.has_trials else 0
        return max(1, self.run.settings.most_trials - finished) + self._presearches

    def __enter__(self) -> NniSearch:
        require_dead(self.run)
        require_idle(self.port)
        silence_stdout()
        logging.getLogger("nni.experiment").setLevel(logging.CRITICAL)
        try:
            preload = preloading(self._trial)
            bind, remaining, axes = self.run.settings.bind, self._remaining(), self._axes
            with manager_environment(bind=bind, remaining=remaining, preload=preload, axes=axes, home=self._folder):
                self.experiment.start(self.port, run_mode=RunMode.Background)
        except BaseException as error:
            self._end_half_started()
            if isinstance(error, requests.RequestException):
                what = self._full_disk or "the NNI manager was ended as it started"
                raise UserError(f"{what}; {self._remedy}") from None
            raise
        return self

    def _end_half_started(self) -> None:
        """NNI forgets a manager whose start was interrupted."""
        atexit.unregister(self.experiment.stop)
        for manager in living_managers(self._folder):
            manager.kill()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the manager; it does not matter whether it lives."""
        logging.getLogger("nni.experiment").setLevel(logging.CRITICAL)
        self.experiment.stop()

    def wait(self, on_change: Callable[[History], None]) -> None:
        """Block until the experiment is over; tell every change of its history.

        Raises
        ------
        UserError
            If the experiment ended in error, was ended from outside, or its latest trials all failed for one reason.
        """
        known = -1
        while not self._over():
            time.sleep(_POLL_S)
            known = self._tell_change(on_change, known)
        self._tell_change(on_change, known)
        self._require_success()

    def _over(self) -> bool:
        try:
            status = self.experiment.get_status()
            if status == "TUNER_NO_MORE_TRIAL":
                return self._stays_idle()
        except requests.RequestException:
            raise UserError(f"{self._full_disk or 'the NNI manager was ended'}; {self._remedy}") from None
        if status == "ERROR":
            raise UserError(f"the NNI experiment failed: {self._error}; {self._remedy}")
        return status in _OVER

    def _stays_idle(self) -> bool:
        """Whether nothing runs, now and when last looked: the tuner may have more once it hears of a trial's end."""
        active = any(s["trialJobStatus"] in _ACTIVE for s in self.experiment.get_job_statistics())
        self._idle_for = 0 if active else self._idle_for + 1
        return self._idle_for > 1

    @property
    def _error(self) -> str:
        """What the dispatcher last said; NNI says only that it has stopped."""
        log = self.log_directory / "dispatcher.log"
        said = last_error_line(log.read_text(encoding="utf-8")) if log.is_file() else None
        return self._full_disk or said or f"see {self.log_directory}"

    @property
    def _full_disk(self) -> str | None:
        """Nobody can log it."""
        full = shutil.disk_usage(self.run.directory).free < _LEAST_DISK
        return f"no space left on the disk of {self.run.directory}" if full else None

    @property
    def _remedy(self) -> str:
        return f"what had finished is kept, go on with: nasplus resume {self.run.directory}"

    def _require_success(self) -> None:
        self._require_presearch()
        count = self.run.settings.max_failures
        if failing := repeated_failure(self.run.history(), count):
            raise UserError(f"the search stopped after {count} trials in a row failed: {failing}; {self._remedy}")

    def _require_presearch(self) -> None:
        failure = outcome_in(presearch_directory(self.run.directory)) if self._presearches else None
        if failure is not None:
            why = (failure.reason or "").removeprefix(f"{UserError.__name__}: ")
            again = f"try it again with: nasplus resume {self.run.directory}"
            raise UserError(f"the presearch of {self.run.settings.strategy} failed: {why}; {again}")

    @property
    def log_directory(self) -> Path:
        """Where NNI keeps its logs."""
        return self._folder / self.experiment.id / "log"

    def _tell_change(self, on_change: Callable[[History], None], known: int) -> int:
        journal = self.run.directory / JOURNAL
        size = journal.stat().st_size if journal.exists() else -1
        if size != known and size > 0:
            on_change(self.run.history())
        return size


def latest_experiment(directory: Path) -> str | None:
    """The id of the newest experiment in a folder that can be resumed; None if there is none.

    A damaged database gives a warning: the search goes on from the journal, in a new experiment of the web UI.
    """
    for database in sorted(directory.glob("*/db/nni.sqlite"), key=lambda path: path.stat().st_mtime, reverse=True):
        if database.parents[1].is_symlink():
            continue
        try:
            with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                if connection.execute("SELECT COUNT(*) FROM ExperimentProfile").fetchone()[0]:
                    return database.parents[1].name
        except sqlite3.Error as error:
            warnings.warn(f"{database} is damaged ({error}); the web UI begins anew", stacklevel=2)
    return None


def _name(run: Run) -> str:
    """On what data is searched, for what, and how, as in ``events.csv: accuracy by thompson``."""
    data = inputs(run.cache)
    settings = run.settings
    return f"{data[0].name if data else run.directory.name}: {settings.objective} by {settings.strategy}"


def _short_command(command: str, code: Path) -> str:
    """A command of a few letters that runs one of many, which would take the width of the web UI."""
    write_text(code / _TRIAL, f"exec {command}\n")
    return f"sh {_TRIAL}"


def _tuner(run: Run, code: Path, *, presearch: bool) -> AlgorithmConfig:
    return CustomAlgorithmConfig(
        code_directory=code,
        class_name="nni_nasplus.hosts.nni.tuner.NasTuner",
        class_args={"directory": str(run.directory), "presearch": presearch},
    )
