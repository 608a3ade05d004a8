"""Run a search as an NNI experiment: manager, web UI and trials on this machine."""

from __future__ import annotations

import logging
import shlex
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from nni.experiment import Experiment, RunMode
from nni.experiment.config import AlgorithmConfig, CustomAlgorithmConfig
from nni.runtime.log import silence_stdout

from nni_nasplus.archive import Archive
from nni_nasplus.errors import UserError
from nni_nasplus.run import Run
from nni_nasplus.run_files import JOURNAL, NNI

__all__ = ["NniSearch", "require_idle"]

_POLL_S = 0.5
_OVER = ("DONE", "ERROR", "STOPPED")


def require_idle(port: int) -> None:
    """Raise :class:`UserError` if something listens on a port of this machine."""
    with socket.socket() as probe:
        if probe.connect_ex(("localhost", port)) == 0:
            raise UserError(f"port {port} is in use; name another with --port")


class NniSearch:
    """A run as an NNI experiment, as a context manager: started on entry, stopped on exit.

    Parameters
    ----------
    run
        Its settings say strategy, trials and concurrency.
    port
        Of the web UI.

    Raises
    ------
    UserError
        On entry, if the port is in use.
    """

    def __init__(self, run: Run, port: int) -> None:
        self.run = run
        self.port = port
        self.experiment = Experiment("local")
        self._configure()

    @property
    def url(self) -> str:
        """The web UI's address."""
        return f"http://127.0.0.1:{self.port}"

    def _configure(self) -> None:
        settings, config = self.run.settings, self.experiment.config
        assert config is not None
        code = self.run.directory / NNI / "code"
        code.mkdir(parents=True, exist_ok=True)
        config.experiment_name = f"nasplus {settings['strategy']}"
        config.experiment_working_directory = self.run.directory / NNI
        config.search_space = self.run.space.search_space.to_json()
        config.trial_code_directory = code
        config.trial_command = _trial_command(self.run.directory)
        config.trial_concurrency = settings["concurrency"]
        config.max_trial_number = settings["trials"]
        config.tuner = _tuner(self.run)

    def __enter__(self) -> NniSearch:
        require_idle(self.port)
        silence_stdout()
        logging.getLogger("nni.experiment").setLevel(logging.ERROR)
        self.experiment.start(self.port, run_mode=RunMode.Background)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.experiment.stop()

    def wait(self, on_change: Callable[[Archive], None]) -> None:
        """Block until the experiment is over; tell every change of the archive.

        Raises
        ------
        UserError
            If the experiment ended in error.
        """
        status, known = "", -1
        while status not in _OVER:
            time.sleep(_POLL_S)
            status = self.experiment.get_status()
            known = self._tell_change(on_change, known)
        if status == "ERROR":
            raise UserError(f"the NNI experiment failed; see {self.log_directory}")

    @property
    def log_directory(self) -> Path:
        """Where NNI keeps its logs."""
        return self.run.directory / NNI / self.experiment.id / "log"

    def _tell_change(self, on_change: Callable[[Archive], None], known: int) -> int:
        journal = self.run.directory / JOURNAL
        size = journal.stat().st_size if journal.exists() else -1
        if size != known and size > 0:
            on_change(self.run.archive())
        return size


def _trial_command(directory: Path) -> str:
    return shlex.join([sys.executable, "-m", "nni_nasplus.hosts.nni.trial", str(directory)])


def _tuner(run: Run) -> AlgorithmConfig:
    settings = run.settings
    return CustomAlgorithmConfig(
        class_name="nni_nasplus.hosts.nni.tuner.NasTuner",
        class_args={
            "strategy": settings["strategy"],
            "optimize_mode": run.evaluator.direction,
            "seed": settings["seed"],
            "directory": str(run.directory),
            **settings["options"],
        },
    )
