"""NNI's manager process: the environment it is started in, those that live, and how to end one."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import requests

__all__ = ["LOOPBACK", "Manager", "living_managers", "manager_environment", "nni_home", "patient_start", "warn_of"]

LOOPBACK = "127.0.0.1"
_PATCH = Path(__file__).with_name("manager_patch.js")
_PATIENCE_S = 20.0
_START_S = 60.0
_POLL_S = 0.1


@contextlib.contextmanager
def manager_environment(
    *,
    bind: str = LOOPBACK,
    poll_s: float = 0.1,
    remaining: float | None = None,
    preload: str | None = None,
    axes: Sequence[str] | None = None,
    home: Path | None = None,
) -> Iterator[None]:
    """While this is open, managers that are started listen on one address, hand each trial its own parameters, look
    often for trials that ended, leave interrupted trials to the search (``manager_patch.js``), and have a web UI that
    needs no network and shows architectures (``web_patch.js``).

    Parameters
    ----------
    bind
        The address of the web UI, besides this machine's own; ``"0.0.0.0"`` is every interface.
    poll_s
        Seconds between two looks at the trials; NNI's own are 0.5.
    remaining
        How many trials a resumed experiment still runs, infinite for as many as the tuner has; if None, what had not
        finished of its ``maxTrialNumber``.
    preload
        A command that the manager runs as the experiment starts, ahead of the first trial.
    axes
        What the web UI compares trials by until the user chooses other axes: the entries of
        :meth:`~nni_nasplus.networks.network_space.NetworkSpace.summary`; if None, those that the first trial has.
    home
        Where NNI keeps its list of experiments and its configuration; if None, where it does for the user.
    """
    options = os.environ.get("NODE_OPTIONS", "")
    settings = {
        "bind": bind,
        "poll_s": poll_s,
        "remaining": "unlimited" if remaining == math.inf else remaining,
        "preload": preload,
        "node_options": options,
        "axes": None if axes is None else list(axes),
    }
    environment = {
        "NODE_OPTIONS": f'{options} --require "{_PATCH}"'.strip(),
        "NASPLUS_MANAGER": json.dumps({**settings, "home": home and str(home)}),
    }
    with _set(environment), patient_start(), contextlib.nullcontext() if home is None else nni_home(home):
        yield


@contextlib.contextmanager
def nni_home(folder: Path) -> Iterator[None]:
    """While this is open, NNI keeps in a folder what it else keeps in the user's home directory or environment.

    These may be read-only, and the list knows an experiment by its id, which copies share.
    """
    from nni.experiment import launcher
    from nni.tools.nnictl.config_utils import Experiments

    folder.mkdir(parents=True, exist_ok=True)
    theirs = launcher.Experiments  # that of another folder, where one is open already
    launcher.Experiments = partial(Experiments, str(folder))  # type: ignore[assignment, misc]
    try:
        with _set({"NNI_CONFIG_DIR": str(folder / "config")}):
            yield
    finally:
        launcher.Experiments = theirs  # type: ignore[misc]


@contextlib.contextmanager
def _set(environment: Mapping[str, str]) -> Iterator[None]:
    """While this is open, the environment has these values."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def patient_start() -> Iterator[None]:
    """While this is open, NNI waits for a manager that takes long to start, on a cold disk or a busy machine."""
    from nni.experiment import launcher

    impatient = launcher._check_rest_server
    launcher._check_rest_server = _wait_for_rest_server
    try:
        yield
    finally:
        launcher._check_rest_server = impatient


def _wait_for_rest_server(port: int, retry: int = 0, url_prefix: str | None = None) -> None:
    """NNI looks four times, once a second, and fails; an answer that is no JSON comes from a half-started manager."""
    prefix = f"/{url_prefix}" if url_prefix else ""
    deadline, was_there = time.monotonic() + _START_S, False
    while True:
        is_there = _is_child(port)
        try:
            requests.get(f"http://localhost:{port}{prefix}/api/v1/nni/check-status", timeout=_PATIENCE_S).json()
        except requests.RequestException:
            if time.monotonic() > deadline or (not is_there and (was_there or _has_dead_child())):
                raise
            was_there |= is_there
            time.sleep(_POLL_S)
        else:
            return


def _has_dead_child() -> bool:
    """Whether a child of this process has ended and nobody has asked how: a manager may be killed unseen."""
    statuses = (process.status() for process in psutil.Process().children())
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.STATUS_ZOMBIE in statuses
    return False


def _is_child(port: int) -> bool:
    """Whether a child of this process is the manager of a port."""
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if _options(process.cmdline()).get("--port") == str(port):
                return True
    return False


def warn_of(bind: str) -> None:
    """Warn of an address that others can reach."""
    if bind not in (LOOPBACK, "localhost"):
        warnings.warn(
            f"the web UI listens on {bind} without a password: whoever reaches it sees logs and starts trials",
            stacklevel=2,
        )


@dataclass(frozen=True)
class Manager:
    """A living manager."""

    process: psutil.Process
    port: int
    experiment: str

    @property
    def url(self) -> str:
        """Its web UI."""
        return f"http://{LOOPBACK}:{self.port}"

    def end(self) -> None:
        """Stop the experiment as NNI does; if that takes too long, :meth:`kill`."""
        with contextlib.suppress(requests.RequestException):
            requests.delete(f"{self.url}/api/v1/nni/experiment", timeout=_PATIENCE_S)
        _, alive = psutil.wait_procs([self.process], timeout=_PATIENCE_S)
        if alive:
            self.kill()

    def kill(self) -> None:
        """End the manager and what it started, at once."""
        with contextlib.suppress(psutil.NoSuchProcess):
            family = [self.process, *self.process.children(recursive=True)]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family, timeout=_PATIENCE_S)


def living_managers(directory: Path) -> list[Manager]:
    """The managers whose experiments are in a folder, on this machine and of this user."""
    found, directory = [], directory.resolve()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            options = _options(process.cmdline())
            if _works_in(directory, process, options) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(Manager(process, int(options["--port"]), options["--experiment-id"]))
    return found


def _works_in(directory: Path, process: psutil.Process, options: Mapping[str, str]) -> bool:
    """Whether a manager's experiment is in a folder: where its files are now, for the folder may have been moved."""
    told = options.get("--experiments-directory")
    if told is None:
        return False
    experiment = options["--experiment-id"]
    homes = {home for file in process.open_files() for home in Path(file.path).parents if home.name == experiment}
    return directory in ({home.parent for home in homes} or {Path(told)})


def _options(command: list[str]) -> dict[str, str]:
    """The options of a manager's command line; none if it is another program's."""
    if not any(Path(word).parts[-2:] == ("nni_node", "main.js") for word in command):
        return {}
    return dict(itertools.pairwise(command))
