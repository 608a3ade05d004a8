"""The presearch of a strategy is the first trial of its experiment, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time

import numpy as np
import pytest
from digits_search import complete, create, going_on
from nasplus_command import nasplus, refused
from nni_server import free_port, get
from places import HELPERS
from presearching_strategy import DONE, FOUND, install
from processes import command_of, run_python

from nni_nasplus import UserError
from nni_nasplus.cli import running
from nni_nasplus.hosts.nni.experiment import NniSearch
from nni_nasplus.hosts.nni.folders import NNI
from nni_nasplus.hosts.nni.manager import living_managers
from nni_nasplus.hosts.nni.presearch import is_presearch
from nni_nasplus.run.presearch import needs_presearch
from nni_nasplus.run.run import PRESEARCH, Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.journal import JOURNAL

WAITS = """
import pathlib, time
while number == 1 and not pathlib.Path(run.directory, "go").exists():
    time.sleep(0.05)
"""


@pytest.fixture
def careful(tmp_path, monkeypatch):
    """A run whose strategy is that of ``presearching_strategy.py``."""
    install(tmp_path / "installed")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HELPERS), str(tmp_path / "installed")]))
    monkeypatch.syspath_prepend(tmp_path / "installed")

    def make(trials=2, concurrency=1, rounds=3, seconds=0.1, **options):
        made = create(tmp_path / "run", trials, concurrency, seconds=0.1)
        given = {"rounds": rounds, "seconds": seconds, **options}
        return made.with_settings(strategy="careful", strategy_options=given)

    return make


def rounds_done(run) -> list[str]:
    """The rounds of the presearch, as often as they were done."""
    path = run.directory / DONE
    return path.read_text().split() if path.exists() else []


def reason_of_failure(run) -> str:
    """The line that the command ends with."""
    process = going_on(run)
    out, _ = process.communicate(timeout=280)
    assert process.returncode == 2, out
    assert "Traceback" not in out
    return " ".join(out[out.index("nasplus: error") :].split())


def jobs(run) -> list[tuple[dict, list[dict], list[dict]]]:
    """Parameters, intermediate and final results of each trial that the experiment's database knows, in order."""
    (database,) = (p for p in (run.directory / NNI).glob("*/db/nni.sqlite") if not p.parents[1].is_symlink())
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        query = "SELECT trialJobId, data FROM TrialJobEvent WHERE data IS NOT NULL GROUP BY trialJobId ORDER BY rowid"
        found = [(trial, json.loads(data)["parameters"]) for trial, data in connection.execute(query)]
        metrics = connection.execute("SELECT trialJobId, type, data FROM MetricData ORDER BY rowid").fetchall()

    def told(trial, kind):
        return [json.loads(json.loads(data)) for whose, of, data in metrics if (whose, of) == (trial, kind)]

    return [(parameters, told(trial, "PERIODICAL"), told(trial, "FINAL")) for trial, parameters in found]


def require_completed(run, trials=2) -> None:
    """The search is complete and began with what its presearch found."""
    finished = run.history().finished
    assert [trial.status for trial in finished[:trials]] == ["done"] * trials
    assert (finished[0].architecture, finished[0].origin) == (FOUND, "careful")
    assert run.ranking(run.space.search_space).architectures == [FOUND]


@pytest.mark.nni
class TestExperiment:
    @pytest.mark.system
    def test_the_web_ui_shows_the_presearch_as_its_first_trial(self, careful):
        run, port, changes = careful(trials=3, concurrency=2), free_port(), []
        with NniSearch(run.with_settings(port=port)) as experiment:
            experiment.wait(changes.append)
            records, profile = get(port, "trial-jobs"), get(port, "experiment")
            metrics = get(port, "metric-data")
        first, *others = sorted(records, key=lambda job: job["sequenceId"])
        assert json.loads(first["hyperParameters"][0])["parameters"]["presearch"] == "careful"
        assert (first["status"], first.get("finalMetricData")) == ("SUCCEEDED", None)
        mine = [json.loads(json.loads(m["data"])) for m in metrics if m["trialJobId"] == first["trialJobId"]]
        assert mine == [{"default": float(i), "square": float(i * i)} for i in range(3)]
        assert [job["status"] for job in others] == ["SUCCEEDED"] * 3
        assert all(job["startTime"] >= first["endTime"] for job in others)
        assert profile["params"]["trialConcurrency"] == 2
        require_completed(run, 3)
        assert changes[-1].best[0].score == max(trial.score for trial in run.history().finished)

    @pytest.mark.system
    def test_a_presearch_that_fails_ends_the_command_with_its_reason(self, careful):
        run = careful(mode="1 / 0")
        assert reason_of_failure(run) == (
            "nasplus: error: the presearch of careful failed: ZeroDivisionError: division by zero; "
            f"try it again with: nasplus resume {run.directory}"
        )
        assert living_managers(run.directory / NNI) == []
        assert not (run.directory / JOURNAL).exists()

    @pytest.mark.slow
    def test_a_presearch_that_failed_is_tried_again_and_goes_on(self, careful):
        mode = "import pathlib\nif number == 1 and not pathlib.Path(run.directory, 'mended').exists(): 1 / 0"
        run = careful(mode=mode)
        assert "division by zero" in reason_of_failure(run)
        assert "division by zero" in reason_of_failure(run)
        (run.directory / "mended").touch()
        complete(run)
        require_completed(run)
        assert [[one["default"] for one in told] for _, told, _ in jobs(run)[:3]] == [[0.0], [0.0], [0.0, 1.0, 2.0]]

    @pytest.mark.parametrize(
        "part",
        [
            pytest.param("trial", marks=pytest.mark.system),
            *(pytest.param(part, marks=pytest.mark.slow) for part in ("main", "manager", "tuner", "stop")),
        ],
    )
    def test_a_presearch_whose_experiment_is_killed_goes_on(self, careful, part):
        run = careful(rounds=5, mode=WAITS)
        main = going_on(run)
        while not rounds_done(run):
            assert main.poll() is None
            time.sleep(0.05)
        end(run, main, part)
        if part != "trial":
            main.wait(timeout=280)
        (run.directory / "go").touch()
        out, _ = main.communicate(timeout=280)
        assert "Traceback" not in out, out
        assert main.returncode == {"trial": 0, "main": -signal.SIGKILL}.get(part, 2), out
        assert living_managers(run.directory / NNI) == []
        if part != "trial":
            assert not (run.directory / JOURNAL).exists()
            complete(run)
        require_completed(run)
        assert rounds_done(run) == ["0", "1", "2", "3", "4"], "none was repeated"
        *broken, whole = [told for parameters, told, _ in jobs(run) if is_presearch(parameters)]
        assert [one["default"] for one in whole] == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert [len(told) < 5 for told in broken] == [True]
        assert len([final for _, _, final in jobs(run) if final]) >= 2


def end(run, main, part) -> None:
    """Kill one part of a search."""
    (manager,) = living_managers(run.directory / NNI)
    if part in ("main", "stop"):
        if part == "main":
            main.kill()
            main.wait()
        run_python(["-m", "nni_nasplus", "stop", run.directory], check=True)
        return
    words = {"trial": "client.py", "tuner": "--exp_params"}
    children = manager.process.children(recursive=True)
    found = [child for child in children if part in words and any(words[part] in word for word in command_of(child))]
    for process in found if part in words else [manager.process]:
        process.kill()


class TestCommand:
    @pytest.mark.parametrize(("strategy", "options"), [("tenas", {}), ("one_shot", {"method": "tenas"})])
    def test_a_space_without_a_supernet_is_named_and_nothing_starts(self, tmp_path, monkeypatch, strategy, options):
        monkeypatch.syspath_prepend(HELPERS)
        made = create(tmp_path / "run", 2)
        run = made.with_settings(strategy=strategy, strategy_options=options, port=free_port())
        with pytest.raises(UserError, match="Digits has no supernet"):
            running.complete(run)
        assert not (run.directory / NNI).exists()

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ("repeats=-1", "repeats is -1; use 1 or more"),
            ("prune=-2", "prune is -2; use 1 or more"),
            ("kernel_examples=1", "kernel_examples is 1; use 2 or more"),
            ("region_examples=1", "region_examples is 1; use 2 or more"),
            ("found=3", "strategy 'tenas' has no option 'found'; its options: repeats, prune"),
        ],
    )
    def test_settings_out_of_range_are_named_before_the_data_are_read(self, capsys, tmp_path, option, message):
        words = ["--images=nowhere.npz", "--space=nb201", "--strategy=tenas", f"--strategy_options.{option}"]
        assert message in refused(capsys, "search", *words, "--out", tmp_path / "run")

    def test_what_the_strategies_need_is_known(self, tmp_path):
        assert not any(needs_presearch(Run(tmp_path, Settings(strategy=name))) for name in ("random", "evolution"))
        tenas = Run(tmp_path, Settings(strategy="tenas"))
        assert needs_presearch(tenas)
        (tmp_path / PRESEARCH).touch()
        assert not needs_presearch(tenas)

    @pytest.mark.slow
    @pytest.mark.nni
    def test_te_nas_is_a_trial_that_tensorboard_shows(self, tmp_path):
        rng = np.random.default_rng(0)
        arrays = {f"x_{split}": rng.integers(0, 256, (60, 8, 8)).astype(np.uint8) for split in ("train", "test")}
        np.savez(tmp_path / "noise.npz", **arrays, y_train=np.arange(60) % 3, y_test=np.arange(60) % 3)
        options = {"images": tmp_path / "noise.npz", "space": "nb201", "cells": 1, "channels": 2, "epochs": 1}
        options |= {"strategy": "tenas", "trials": 2, "port": free_port(), "out": tmp_path / "run"}
        options |= {"crop": 1, "cutout": 0, "flip": "false"}
        small = {"repeats": 1, "kernel_examples": 4, "region_examples": 30}
        options |= {f"strategy_options.{name}": value for name, value in small.items()}
        done = nasplus("search", *(f"--{name}={value}" for name, value in options.items()))
        assert done.returncode == 0, done.stderr
        run = Run.open(tmp_path / "run")
        (parameters, rounds, final), *others = jobs(run)
        assert (parameters["presearch"], final) == ("tenas", [])
        assert [one["alive"] for one in rounds] == [18, 12, 6]
        assert [one["alive/cell_0_1"] for one in rounds] == [3, 2, 1]
        assert all(one["kappa"] >= 1 and one["regions"] >= 1 for one in rounds)
        found = run.ranking(run.space.search_space).architectures[0]
        assert others[0][0] == found == run.history().trials[0].architecture
        folders = {path.parent for path in (run.directory / NNI).glob("*/environments/*/trials/*/tensorboard/*")}
        boards = [folder for folder in folders if "_latest" not in folder.parts and events(folder)]
        assert len(boards) == 1


def events(folder) -> bool:
    """Whether TensorBoard finds the rounds of TE-NAS in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder)).Reload()
    return "round/kappa" in found.Tags()["scalars"] and len(found.Images("cells")) == 3
