"""Experiments of NNI as finished searches leave them, of as many trials as one likes, none of which was trained."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from nni_nasplus import Outcome
from nni_nasplus._files import write_json
from nni_nasplus.hosts.nni.architecture import leave_architecture
from nni_nasplus.hosts.nni.experiment import NniSearch
from nni_nasplus.hosts.nni.folders import NNI
from nni_nasplus.hosts.nni.results import parameters_of
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import described
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings

__all__ = ["EXPERIMENT", "shown"]

EXPERIMENT = "shown"
_START_MS = 1_700_000_000_000
_TABLES = """
    create table TrialJobEvent (timestamp integer, trialJobId text, event text, data text, logPath text,
        sequenceId integer, message text, environmentId text);
    create table MetricData (timestamp integer, trialJobId text, parameterId text, type text, sequence integer,
        data text);
    create table ExperimentProfile (params text, id text, execDuration integer, startTime integer, endTime integer,
        logDir text, nextSequenceId integer, revision integer);
"""
"""Those of NNI 3.0 (``nni_node/core/sqlDatabase.js``)."""


def shown(directory: Path, space: type[NetworkSpace], sizes: dict, trials: int, budget: str | None = None) -> Run:
    """A run whose journal and whose NNI experiment have random trials; the first one has left its architecture.

    With a budget whole trainings have nine epochs, and each part of one is a trial.
    """
    settings = Settings(
        space=described(space, sizes),
        evaluator={"class_path": "none", "init_args": {"epochs": 9}},
        budget=budget,
        trials=trials,
        strategy="random",
    )
    run = Run.create(directory, settings)
    search, rng = run.open_search(), np.random.default_rng(0)
    folder = run.directory / NNI / EXPERIMENT
    (folder / "db").mkdir(parents=True)
    with closing(sqlite3.connect(folder / "db" / "nni.sqlite")) as database, database:
        database.executescript(_TABLES)
        for number in range(trials):
            trial = search.ask()
            metrics = {"default": 0.5 + 0.5 * rng.random(), "parameters": float(rng.integers(1_000, 1_000_000))}
            _leave(run, folder, number, trial.architecture)
            _record(database, folder, number, parameters_of(trial), metrics)
            search.tell(trial, Outcome(score=metrics["default"], metrics={"parameters": metrics["parameters"]}))
        profile = json.dumps(NniSearch(run)._settings)
        row = (profile, EXPERIMENT, 61, _START_MS, _START_MS + 10_000 * trials, str(folder), trials, 1)
        database.execute(f"insert into ExperimentProfile values ({','.join('?' * len(row))})", row)
    search.journal.close()
    return run


def _leave(run: Run, folder: Path, number: int, architecture: dict) -> None:
    output = _output(folder, number)
    output.mkdir(parents=True)
    if number == 0:
        leave_architecture(run.space, architecture, output, "Trial 0")
    write_json(output / "architecture.json", run.space.summary(architecture))


def _output(folder: Path, number: int) -> Path:
    return folder / "environments" / "local-env" / "trials" / f"t{number:04}"


def _record(database: sqlite3.Connection, folder: Path, number: int, parameters: dict, metrics: dict) -> None:
    trial, start = f"t{number:04}", _START_MS + 10_000 * number
    submitted = json.dumps({"parameter_id": number, "parameter_source": "algorithm", "parameters": parameters})
    for place, (event, data) in enumerate([("WAITING", submitted), ("RUNNING", submitted), ("SUCCEEDED", None)]):
        row = (start + 3_000 * place, trial, event, data, str(_output(folder, number)), number, None, "local-env")
        database.execute("insert into TrialJobEvent values (?,?,?,?,?,?,?,?)", row)
    for kind in ("PERIODICAL", "FINAL"):
        reported = json.dumps(json.dumps(metrics))
        row = (start + 5_000, trial, str(number), kind, 0, reported)
        database.execute("insert into MetricData values (?,?,?,?,?,?)", row)
