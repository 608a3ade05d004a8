"""NNI's ``NasExperiment`` for :class:`NasStrategy`, with a resume that works.

NNI 3.0's own resume unpickles a checkpoint that torch 2.6 and later refuse, overwrites that checkpoint as it fails,
and then hangs, for the engine's listener dies of the first command that it does not know. Here the journal is the
only state, and commands that are not for the engine are passed over.
"""

from __future__ import annotations

import json
import logging
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import nni
from nni.experiment import RunMode
from nni.experiment.config import LocalConfig
from nni.nas.evaluator import Evaluator
from nni.nas.execution import ExecutionEngine, TrainingServiceExecutionEngine
from nni.nas.experiment import NasExperiment as NniNasExperiment
from nni.nas.experiment.config import ExecutionEngineConfig, NasExperimentConfig, TrainingServiceEngineConfig
from nni.nas.space import BaseModelSpace, ExecutableModelSpace
from nni.runtime.tuner_command_channel import TunerCommandChannel
from nni.runtime.tuner_command_channel.command_type import CommandType, TrialEnd

from nni_nasplus._files import write_text
from nni_nasplus._localhost import reach_localhost_directly
from nni_nasplus.errors import UserError
from nni_nasplus.hosts.nni.architecture import axes_of
from nni_nasplus.hosts.nni.manager import LOOPBACK, living_managers, manager_environment
from nni_nasplus.hosts.nni.nas.importable import require_importable
from nni_nasplus.hosts.nni.nas.strategy import NasStrategy, search_space_of
from nni_nasplus.hosts.nni.preloaded import preloading, trial_interpreter
from nni_nasplus.hosts.nni.results import outcome_of
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.trial import Outcome

__all__ = ["NasEngine", "NasExperiment"]

logger = logging.getLogger(__name__)

_POLL_S = 0.1
_STATUS_S = 1.0
_OVER = ("DONE", "STOPPED", "ERROR")
_UNDERSTOOD = (
    CommandType.Initialize,
    CommandType.RequestTrialJobs,
    CommandType.UpdateSearchSpace,
    CommandType.ReportMetricData,
    CommandType.TrialEnd,
    CommandType.Terminate,
)


class _Channel(TunerCommandChannel):
    """NNI's channel, but commands that it cannot parse are passed over; NNI's raises and ends the listener."""

    def _receive(self) -> tuple[Any, Any]:
        while True:
            try:
                command, content = super()._receive()
            except ValueError as unknown:
                logger.debug("a command from the manager is passed over: %s", unknown)
                continue
            if command is None or command in _UNDERSTOOD:
                return command, content
            logger.debug("the manager's command %s is not for this engine and is passed over", command)


class NasEngine(TrainingServiceExecutionEngine):
    """NNI's engine with a listener that survives a resume, and that knows what it waits for."""

    def __init__(self, experiment: NniNasExperiment) -> None:
        self._unfinished: set[int] = set()
        self._earlier: int | None = None
        self._sent = 0
        super().__init__(experiment)

    @property
    def _channel(self) -> TunerCommandChannel:
        return self._own_channel

    @_channel.setter
    def _channel(self, theirs: TunerCommandChannel) -> None:
        self._own_channel = _Channel(self.nodejs_binding.tuner_command_channel)

    def _next_parameter_id(self) -> int:
        parameter_id = super()._next_parameter_id()
        self._unfinished.add(parameter_id)
        self._sent += 1
        return parameter_id

    def budget_available(self) -> bool:
        """Whether the manager would run one more trial."""
        return super().budget_available() and self._room()

    def _room(self) -> bool:
        """NNI takes more trials than it will run, and leaves the rest waiting for ever."""
        if self._earlier is None:
            self._earlier = len(self.nodejs_binding.list_trial_jobs()) - self._sent
        limit = self.nodejs_binding.get_experiment_profile()["params"].get("maxTrialNumber")
        return limit is None or self._earlier + self._sent < limit

    def wait_models(self, *models: ExecutableModelSpace) -> None:
        """Wait for models, by default all, to finish; return as soon as they have."""
        if models:
            return super().wait_models(*models)
        over = 0
        while self._unfinished and over < 2:
            self._wait_for_end(_STATUS_S)
            over += self.nodejs_binding.get_status() in _OVER
            self._check_running()
        return None

    def _wait_for_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._unfinished and time.monotonic() < deadline:
            time.sleep(_POLL_S)

    def _trial_end_callback(self, command: TrialEnd) -> None:
        try:
            super()._trial_end_callback(command)
        finally:
            self._unfinished.difference_update(command.parameter_ids)

    def _check_running(self) -> None:
        super()._check_running()
        if not self._channel_listen_thread.is_alive() and not self._channel_listen_stop_event.is_set():
            raise RuntimeError("the connection to the NNI manager broke; resume the experiment to go on")


class NasExperiment(NniNasExperiment):
    """``nni.nas.experiment.NasExperiment`` for a :class:`NasStrategy`; :meth:`resume` goes on where it was.

    What had finished counts once, what was interrupted is tried again once, under its old number and before anything
    new, and ``config.max_trial_number``, which may be raised, counts trials that ended. Nothing is unpickled.

    Parameters
    ----------
    bind
        The address that the web UI listens on; NNI's own listens on all.
    preload
        Whether trials on this machine start from a preloaded process (:mod:`nni_nasplus.hosts.nni.preloaded`).

    Raises
    ------
    UserError
        If the strategy is not a :class:`NasStrategy`; before anything is started, if the space or the evaluator is
        defined in the script that runs, or a manager still runs the experiment.
    """

    strategy: NasStrategy

    def __init__(
        self,
        model_space: BaseModelSpace,
        evaluator: Evaluator,
        strategy: NasStrategy,
        config: NasExperimentConfig | None = None,
        id: str | None = None,
        *,
        bind: str = LOOPBACK,
        preload: bool = True,
    ) -> None:
        if not isinstance(strategy, NasStrategy):
            raise UserError("this NasExperiment runs a NasStrategy; use NNI's own for NNI's strategies")
        super().__init__(model_space, evaluator, strategy, config, id)
        self.bind = bind
        self.preload = preload
        self._heeds_sigterm = False
        self.config.experiment_name = self.config.experiment_name or _name(model_space, evaluator, strategy)

    def execution_engine_factory(self, config: ExecutionEngineConfig) -> ExecutionEngine:
        """An engine that survives a resume."""
        if isinstance(config, TrainingServiceEngineConfig):
            return NasEngine(self)
        return super().execution_engine_factory(config)

    def start(self, port: int = 8080, debug: bool = False, run_mode: RunMode = RunMode.Background) -> None:
        """Run the experiment; returns when the strategy has finished.

        From now until :meth:`stop` SIGTERM ends this process as :func:`sys.exit` does, and so the manager and trials.
        """
        require_importable(self.model_space, self.evaluator)
        self._require_no_manager()
        reach_localhost_directly()
        self._heed_sigterm()
        super().start(port, debug, run_mode)

    def stop(self) -> None:
        """Stop the manager and what it runs; nothing is done to what has finished."""
        try:
            super().stop()
        finally:
            if self._heeds_sigterm:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                self._heeds_sigterm = False

    def _heed_sigterm(self) -> None:
        """Python dies of it at once, without its exit functions, of which NNI's stops the manager."""
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
            self._heeds_sigterm = True

    def _start_nni_manager(
        self,
        port: int,
        debug: bool,
        run_mode: RunMode = RunMode.Background,
        tuner_command_channel: str | None = None,
        tags: list[str] = [],  # noqa: B006
    ) -> None:
        remaining = self._open_journal() if self._action == "resume" else None
        try:
            axes = axes_of(self.model_space) if isinstance(self.model_space, NetworkSpace) else None
            preload = self._use_preloaded_trials()
            with manager_environment(bind=self.bind, remaining=remaining, preload=preload, axes=axes):
                super()._start_nni_manager(port, debug, run_mode, tuner_command_channel, tags)
        except BaseException:
            self.strategy.close()
            raise

    def _use_preloaded_trials(self) -> str | None:
        """Replace ``python`` in the trials' command, where it is this package's to say; the manager's ``preload``."""
        params = self.config._trial_command_params or {}
        if not self.preload or "python" in params or not isinstance(self.config.training_service, LocalConfig):
            return None
        self.config._trial_command_params = {**params, "python": trial_interpreter()}
        return preloading("-m nni.nas.execution.training_service")

    def _require_no_manager(self) -> None:
        for manager in living_managers(self._directory.parent):
            if manager.experiment == self.id:
                raise UserError(
                    f"experiment {self.id} is still run by process {manager.process.pid}, on port {manager.port}; "
                    f"end that first, with: kill {manager.process.pid}"
                )

    def _open_journal(self) -> int | None:
        """Take over what finished unheard; how many trials are left to run."""
        space = search_space_of(self.model_space)
        history = self.strategy.open(space, self._directory, _recorded_results(self._directory, space))
        limit = self.config.max_trial_number
        return None if limit is None else max(0, limit - len(history.finished))

    @property
    def _directory(self) -> Path:
        return Path(self.config.canonical_copy().experiment_working_directory) / self.id

    def has_checkpoint(self) -> bool:
        """Whether the experiment's database is there; NNI's list of all experiments is not asked."""
        return _database(self._directory).is_file()

    def save_checkpoint(self) -> None:
        """Keep the settings; the rest is in the journal and in NNI's database."""
        path = self._checkpoint_directory / "config.json"
        if self._action != "create" and path.is_file():
            return
        try:
            write_text(path, nni.dump(self.config.json(), indent=2))
        except UserError:
            logger.exception("the settings could not be saved to %s", path)

    def load_checkpoint(self) -> None:
        """Warn of settings that differ from those that the experiment was started with."""
        try:
            saved = json.loads((self._checkpoint_directory / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            logger.warning("the settings that the experiment was started with cannot be read: %s", error)
            return
        now = json.loads(nni.dump(self.config.json()))
        changed = sorted(name for name in saved.keys() | now.keys() if saved.get(name) != now.get(name))
        if ignored := [name for name in changed if name not in _MAY_CHANGE]:
            logger.warning("NNI goes on with the old %s; a new value has no effect", ", ".join(ignored))


def _name(space: BaseModelSpace, evaluator: Evaluator, strategy: NasStrategy) -> str:
    """What is searched, for what, and how, as in ``DartsSpace: accuracy by AgingEvolution``."""
    what = getattr(evaluator, "objective", type(evaluator).__name__)
    return f"{type(space).__name__}: {what} by {type(strategy.strategy).__name__}"


_MAY_CHANGE = ("maxTrialNumber", "trialCommand", "_trialCommandParams", "_trial_command_params")


def _database(directory: Path) -> Path:
    return directory / "db" / "nni.sqlite"


def _recorded_results(directory: Path, space: SearchSpace) -> Callable[[Architecture], Outcome | None]:
    """The results that the manager's database has, by architecture."""
    known = {}
    for submitted, metric in _final_metrics(_database(directory)):
        architecture = json.loads(submitted)["parameters"].get("mutation_summary")
        if architecture is not None:
            known[space.key(architecture)] = outcome_of(json.loads(json.loads(metric)))
    return lambda architecture: known.get(space.key(architecture))


def _final_metrics(database: Path) -> list[tuple[str, str]]:
    query = """
        select event.data, metric.data from MetricData metric join TrialJobEvent event using (trialJobId)
        where metric.type = 'FINAL' and event.data like '{%' order by metric.timestamp
    """
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()
