"""Searches with a budget on every host, killed in any part at random moments, between rungs and inside them."""

from __future__ import annotations

import contextlib
import subprocess

import numpy as np
import psutil
import pytest
from killed_searches import create, going_on, kill_again_and_again, require_unharmed
from optuna_workers import workers
from places import HELPERS
from processes import command_of

from nni_nasplus.hosts.nni.folders import NNI
from nni_nasplus.hosts.nni.manager import living_managers
from nni_nasplus.run.run import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]
KILLS = 20


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HELPERS))


def manager_and_dispatcher(run: Run, main: subprocess.Popen) -> dict[str, psutil.Process]:
    found = {}
    with contextlib.suppress(psutil.Error):
        for manager in living_managers(run.directory / NNI):
            found["manager"] = manager.process
            for child in manager.process.children(recursive=True):
                if command_of(child)[1:3] == ["-m", "nni_nasplus.hosts.nni.dispatcher"]:
                    found["dispatcher"] = child
    return found


def numbered_workers(run: Run, main: subprocess.Popen) -> dict[str, psutil.Process]:
    return {f"worker {number}": worker for number, worker in enumerate(workers(main))}


@pytest.mark.parametrize(
    ("host", "parts", "concurrency"),
    [
        pytest.param("process", lambda run, main: {}, 1, id="process"),
        pytest.param("nni", manager_and_dispatcher, 1, id="nni", marks=pytest.mark.nni),
        pytest.param("optuna", numbered_workers, 2, id="optuna"),
    ],
)
def test_whatever_is_killed_every_rung_counts_once_and_but_the_epochs_in_flight_are_repeated(
    cache, tmp_path, host, parts, concurrency
):
    rng, kills, seed = np.random.default_rng(0), 0, 0
    while kills < KILLS:
        whole = create(tmp_path / f"whole{seed}", cache, "process", seed=seed)
        killed = create(tmp_path / f"killed{seed}", cache, host, seed=seed, seconds=1.0, concurrency=concurrency)
        assert going_on(whole).wait() == 0
        here = kill_again_and_again(killed, parts, KILLS - kills, rng)
        out, _ = (main := going_on(killed)).communicate()
        assert main.returncode == 0, out
        require_unharmed(killed, whole, concurrency * here.total())
        kills, seed = kills + here.total(), seed + 1
