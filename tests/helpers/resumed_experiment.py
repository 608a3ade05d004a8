"""A NasExperiment of slow trials that a script runs or resumes."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import nni
from nas_functions import Digits
from nni.nas.evaluator import FunctionalEvaluator
from nni_server import trials

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


def main() -> None:
    """The user's script: run or resume, then keep what the manager shows."""
    directory, count, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    experiment = experiment_in(directory, count)
    finished = experiment.run_or_resume(port)
    if finished:
        Path(directory, "trials.json").write_text(json.dumps(trials(port)))
        experiment.stop()
