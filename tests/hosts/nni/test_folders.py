"""Where NNI keeps an experiment: what its database and its managers say after the folder was moved."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from nni.experiment import Experiment, launcher
from nni.experiment.config import CustomAlgorithmConfig

from nni_nasplus.hosts.nni.folders import settle_experiment
from nni_nasplus.hosts.nni.manager import living_managers, nni_home

ID = "abcd1234"


def settings(run, code, trials=3) -> dict:
    """Those of an experiment of a run directory, as NNI keeps them."""
    (run / "nni" / "code").mkdir(parents=True, exist_ok=True)
    experiment = Experiment("local")
    config = experiment.config
    config.search_space, config.trial_command = {}, f"{code} {run}"
    config.trial_concurrency, config.max_trial_number = 1, trials
    config.trial_code_directory = run / "nni" / "code"
    config.experiment_working_directory = run / "nni"
    arguments = {"directory": str(run), "presearch": True}
    config.tuner = CustomAlgorithmConfig(class_name="x.Y", class_args=arguments, code_directory=run / "nni" / "code")
    return config.canonical_copy().json()


@pytest.fixture
def run(tmp_path):
    """A run directory with the database of an experiment."""
    run = tmp_path / "a"
    content = settings(run, "python")
    (run / "nni" / ID / "db").mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(run / "nni" / ID / "db" / "nni.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE ExperimentProfile (params text, id text, logDir text, revision integer)")
        connection.execute("CREATE TABLE TrialJobEvent (trialJobId text, logPath text)")
        profile = (json.dumps(content), ID, f"{run}/nni/{ID}")
        connection.executemany("INSERT INTO ExperimentProfile VALUES (?, ?, ?, ?)", [(*profile, 0), (*profile, 1)])
        trials = [("t", f"{run}/nni/{ID}/environments/local-env/trials/t"), ("u", None), ("v", "host:~/nni")]
        connection.executemany("INSERT INTO TrialJobEvent VALUES (?, ?)", trials)
    return run


def stored(run, columns: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(run / "nni" / ID / "db" / "nni.sqlite")) as connection:
        return connection.execute(f"SELECT {columns}").fetchall()


def test_an_experiment_is_where_its_folder_is(run, tmp_path):
    there = shutil.copytree(run, tmp_path / "deep" / "b")
    before = (run / "nni" / ID / "db" / "nni.sqlite").read_bytes()
    now = settings(there, "/other/python")
    settle_experiment(there / "nni", ID, now)
    for params, directory in stored(there, "params, logDir FROM ExperimentProfile"):
        assert json.loads(params) == now
        assert directory == f"{there}/nni/{ID}"
    paths = [path for (path,) in stored(there, "logPath FROM TrialJobEvent")]
    assert paths == [f"{there}/nni/{ID}/environments/local-env/trials/t", None, "host:~/nni"]
    assert (run / "nni" / ID / "db" / "nni.sqlite").read_bytes() == before


def test_what_the_user_changed_in_the_web_ui_stays(run):
    settle_experiment(run / "nni", ID, settings(run, "/other/python", trials=9))
    ((params,), _) = stored(run, "params FROM ExperimentProfile")
    assert json.loads(params)["maxTrialNumber"] == 3
    assert json.loads(params)["trialCommand"] == f"/other/python {run}"


def test_an_experiment_that_is_where_it_was_is_not_written(run):
    database = run / "nni" / ID / "db" / "nni.sqlite"
    before = database.stat().st_mtime_ns
    settle_experiment(run / "nni", ID, settings(run, "python"))
    assert database.stat().st_mtime_ns == before


@pytest.fixture
def manager(run):
    """Tells the folder of a process that looks like the manager of the run, with its log open."""
    log = run / "nni" / ID / "nnimanager.log"
    script = f"import time; log = open({str(log)!r}, 'w'); print(flush=True); time.sleep(60)"
    options = ["--experiments-directory", run / "nni", "--experiment-id", ID, "--port", "1"]
    command = [sys.executable, "-c", script, "nni_node/main.js", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process.pid
        process.kill()


def managers(run) -> list[int]:
    return [manager.process.pid for manager in living_managers(run / "nni")]


def test_a_manager_is_found_where_its_files_are(run, manager, tmp_path):
    assert managers(run) == [manager]
    copy = shutil.copytree(run, tmp_path / "copy")
    assert managers(copy) == []
    run.rename(tmp_path / "b")
    copy.rename(run)
    assert (managers(tmp_path / "b"), managers(run)) == ([manager], [])
    (tmp_path / "link").symlink_to(tmp_path / "b")
    assert managers(tmp_path / "link") == [manager]


def test_nni_keeps_its_list_and_its_settings_in_the_run(run, monkeypatch):
    monkeypatch.setenv("HOME", "/dev/null/home")
    monkeypatch.delenv("NNI_CONFIG_DIR", raising=False)
    theirs = launcher.Experiments
    with nni_home(run / "nni"):
        Experiment("local")
        launcher.Experiments().add_experiment(ID, 1, 0, "local", "x", logDir="x")
    assert ID in json.loads((run / "nni" / ".experiment").read_text())
    assert (run / "nni" / "config" / "training_services.json").is_file()
    assert "NNI_CONFIG_DIR" not in os.environ
    assert launcher.Experiments is theirs


def test_of_two_folders_that_are_open_the_inner_one_has_the_list(tmp_path):
    with nni_home(tmp_path / "outer"), nni_home(tmp_path / "inner"):
        launcher.Experiments().add_experiment(ID, 1, 0, "local", "x", logDir="x")
    assert ID in json.loads((tmp_path / "inner" / ".experiment").read_text())
    assert not (tmp_path / "outer" / ".experiment").exists()
