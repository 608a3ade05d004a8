"""A search on a real PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from digits_search import create, going_on
from exhausted_studies import require_processes_repeat_and_fail_nothing
from nni_server import free_port
from optuna_workers import require_whole, workers

from nni_nasplus.search.journal import JOURNAL

pytest.importorskip("optuna")

from optuna.storages import RDBStorage
from optuna.trial import TrialState

from nni_nasplus.hosts.optuna.study import open_study

POSTGRES = shutil.which("pg_ctl") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")), None)

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def as_postgres(*command: str) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *command] if os.getuid() == 0 else list(command)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the server's user, which cannot enter those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        if os.getuid() == 0:
            shutil.chown(name, "postgres")
        yield Path(name)


@pytest.fixture
def postgres(folder) -> Iterator[str]:
    """The URL of an empty database of a server of its own."""
    programs, port = Path(POSTGRES).resolve().parent, free_port()
    data, options = str(folder / "data"), f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run(as_postgres(str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "nas"), **quiet)
    log = str(folder / "log")
    subprocess.run(as_postgres(str(programs / "pg_ctl"), "-D", data, "-l", log, "-o", options, "-w", "start"), **quiet)
    try:
        yield f"postgresql+psycopg://nas@127.0.0.1:{port}/postgres"
    finally:
        stop = as_postgres(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        subprocess.run(stop, **(quiet | {"check": False}))


def has_postgres_user() -> bool:
    return any(entry.pw_name == "postgres" for entry in pwd.getpwall())


def kill_one_that_trains(run, main: subprocess.Popen) -> None:
    """Kill a worker at a moment at which each of them has a trial with parameters."""
    study = open_study(run)
    while True:
        found = workers(main)
        for worker in found:
            worker.send_signal(signal.SIGSTOP)
        running = [trial for trial in study.get_trials() if trial.state == TrialState.RUNNING and trial.params]
        if len(running) == len(found):
            found.pop().kill()
        for worker in found:
            worker.send_signal(signal.SIGCONT)
        if len(running) > len(found):
            return
        time.sleep(0.1)


@pytest.mark.system
@pytest.mark.timeout(300)
@pytest.mark.skipif(POSTGRES is None or not has_postgres_user(), reason="Debian's postgresql is not installed")
def test_four_workers_on_postgresql_one_of_them_killed(tmp_path, postgres):
    pytest.importorskip("psycopg")
    run = create(tmp_path / "run", 40, concurrency=4, host="optuna", storage=postgres, seconds=1)
    main = going_on(run)
    journal = run.directory / JOURNAL
    while not journal.exists() or len(journal.read_text().splitlines()) < 16:
        assert main.poll() is None
        time.sleep(0.1)
    kill_one_that_trains(run, main)
    out, _ = main.communicate(timeout=280)
    assert main.returncode == 0, out
    trials = require_whole(run, 40)
    (lost,) = [t for t in trials if t.state == TrialState.FAIL]
    (again,) = [t for t in trials if t.system_attrs.get("failed_trial") == lost.number]
    assert again.params == lost.params
    assert again.state == TrialState.COMPLETE


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(POSTGRES is None or not has_postgres_user(), reason="Debian's postgresql is not installed")
def test_processes_that_propose_the_same_at_one_moment_repeat_nothing_on_postgresql(postgres):
    pytest.importorskip("psycopg")
    require_processes_repeat_and_fail_nothing(lambda: RDBStorage(postgres), processes=4, jobs=2)
