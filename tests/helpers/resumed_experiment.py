"""A NasExperiment of slow trials that a script runs or resumes."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import nni
from nas_functions import Digits
from nni.nas.evaluator import FunctionalEvaluator
from nni_server import get

from nni_nasplus.hosts.nni.nas.experiment import NasExperiment
from nni_nasplus.hosts.nni.nas.strategy import NasStrategy
from nni_nasplus.strategies import AgingEvolution

ID = "resumed"


def slow_worth(model):
    """Report the digits, after two seconds."""
    time.sleep(2)
    nni.report_final_result(model.tens * 10 + model.ones)


EVOLUTION = AgingEvolution(population_size=3, sample_size=2)
"""Its proposals depend on results from the fourth on."""


def experiment_in(directory: str | Path, count: int) -> NasExperiment:
    """An experiment of two trials at a time."""
    space = Digits()
    strategy = NasStrategy(EVOLUTION, seed=0, direction="minimize")
    experiment = NasExperiment(space, FunctionalEvaluator(slow_worth), strategy, id=ID)
    config = experiment.config
    config.max_trial_number, config.trial_concurrency = count, 2
    config.experiment_working_directory = directory
    return experiment


def records(port: int) -> list[tuple[str, Any, dict[str, float] | None]]:
    """Status, parameters and final metric of each trial.

    NNI itself shows the metric of a trial only if that has ended well, and not if it was ended just after its report.
    """
    metrics = {metric["trialJobId"]: metric["data"] for metric in get(port, "metric-data?type=FINAL")}
    return [
        (
            job["status"],
            json.loads(job["hyperParameters"][0])["parameters"],
            json.loads(json.loads(metrics[job["trialJobId"]])) if job["trialJobId"] in metrics else None,
        )
        for job in get(port, "trial-jobs")
    ]


def main() -> None:
    """The user's script: run or resume, then keep what the manager shows."""
    directory, count, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    experiment = experiment_in(directory, count)
    finished = experiment.run_or_resume(port)
    if finished:
        Path(directory, "trials.json").write_text(json.dumps(records(port)))
        experiment.stop()
