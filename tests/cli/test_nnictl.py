"""``nasplus nnictl``: NNI's command, whose experiments listen on this machine only and survive a crash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml
from nni_server import free_port, trials, wait
from places import NNI_TRIALS
from processes import run_python

from nni_nasplus import Journal, SearchSpace
from nni_nasplus.cli import main
from nni_nasplus.hosts.nni.manager import living_managers

SPACE = SearchSpace({"tens": list(range(10)), "ones": list(range(10))})


def nnictl(*words: str) -> None:
    done = run_python(["-m", "nni_nasplus", "nnictl", *words])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stdout + done.stderr


@pytest.fixture
def config(tmp_path, monkeypatch) -> Path:
    """The config of an experiment of six trials."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("NNI_CONFIG_DIR", str(tmp_path / "config"))
    run_python(["-m", "nni_nasplus", "register"], check=True)
    shutil.copytree(NNI_TRIALS, tmp_path / "code")
    tuner = {"name": "NasPlus", "classArgs": {"seed": 1}}
    settings = {"searchSpace": SPACE.to_json(), "trialCodeDirectory": "code", "tuner": tuner, "maxTrialNumber": 6}
    settings |= {
        "trialCommand": "nasplus-python unpaired.py",
        "trialConcurrency": 2,
        "experimentWorkingDirectory": "nni",
    }
    path = tmp_path / "nnictl.yml"
    path.write_text(yaml.safe_dump(settings | {"trainingService": {"platform": "local"}}))
    return path


@pytest.mark.nni
@pytest.mark.system
def test_an_experiment_that_was_killed_goes_on(config, tmp_path):
    port = free_port()
    nnictl("create", "--config", str(config), "--port", str(port))
    (manager,) = living_managers(tmp_path / "nni")
    listening = [c.laddr.ip for c in manager.process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    while sum(status == "SUCCEEDED" for status, *_ in trials(port)) < 2:
        time.sleep(0.1)
    manager.process.kill()
    psutil.wait_procs([manager.process])
    time.sleep(1)
    nnictl("resume", manager.experiment, "--port", str(port))
    try:
        assert wait(port) == "DONE"
        records = trials(port)
    finally:
        nnictl("stop", "--port", str(port))
    assert set(listening) == {"127.0.0.1"}
    history = Journal.read(tmp_path / "nni" / manager.experiment / "nasplus" / "journal.jsonl").history
    assert len(history.finished) == 6
    assert all(m == p["tens"] * 10 + p["ones"] for status, p, m in records if status == "SUCCEEDED")
    assert sum(status == "SUCCEEDED" for status, *_ in records) == len(history.best)


def test_it_asks_what_to_do_and_warns_of_an_open_address(capsys, monkeypatch):
    with pytest.raises(SystemExit) as end:
        main(["nnictl"])
    assert end.value.code == 2
    monkeypatch.setattr(subprocess, "call", lambda command: 3)
    with pytest.raises(SystemExit) as end:
        main(["nnictl", "--bind", "0.0.0.0", "stop"])
    assert end.value.code == 3
    assert "without a password" in capsys.readouterr().err
