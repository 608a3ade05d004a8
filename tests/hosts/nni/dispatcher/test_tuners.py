"""Every tuner and assessor of NNI that needs no other package, in an experiment; docs/how_to/nni_tuners.md has them."""

from __future__ import annotations

from typing import Any

import pytest
from nni.experiment import Experiment
from nni.experiment.config import AlgorithmConfig, CustomAlgorithmConfig
from nni_server import free_port, get, trials, wait

from nni_nasplus.hosts.nni.manager import manager_environment
from nni_nasplus.hosts.nni.preloaded import trial_interpreter

DIGITS = {"tens": {"_type": "choice", "_value": [0, 1, 2]}, "ones": {"_type": "choice", "_value": [0, 1]}}
BATCH = {"combine_params": {"_type": "choice", "_value": [{"tens": tens, "ones": 1} for tens in range(4)]}}
TRIAL = """
import nni

handed = nni.get_next_parameter()
worth = handed["tens"] * 10 + handed["ones"]
for _ in range(3):
    nni.report_intermediate_result(worth)
nni.report_final_result(worth)
"""
MAXIMIZE = {"optimize_mode": "maximize"}


def over(folder, tuner, space=DIGITS, assessor=None, most=8) -> tuple[str, list[str], list[str]]:
    """The status of an experiment at its end, its errors, and the states of its trials."""
    (folder / "code").mkdir()
    (folder / "code" / "trial.py").write_text(TRIAL)
    experiment, port = Experiment("local"), free_port()
    config: Any = experiment.config
    config.search_space, config.trial_code_directory = space, folder / "code"
    config.trial_command = f"{trial_interpreter()} trial.py"
    config.trial_concurrency, config.max_trial_number = 2, most
    config.experiment_working_directory = folder / "nni"
    config.tuner, config.assessor = tuner, assessor
    with manager_environment():
        experiment.start(port)
    try:
        status = wait(port)
        return status, get(port, "check-status")["errors"], [state for state, *_ in trials(port)]
    finally:
        experiment.stop()


@pytest.mark.nni
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("name", "arguments", "space", "ended"),
    [
        ("TPE", MAXIMIZE, DIGITS, 6),
        ("Random", {}, DIGITS, 6),
        ("GridSearch", None, DIGITS, 6),
        ("Batch", None, BATCH, 4),
        ("Evolution", {**MAXIMIZE, "population_size": 4}, DIGITS, 8),
        ("Metis", MAXIMIZE, DIGITS, 8),
        ("GP", {**MAXIMIZE, "cold_start_num": 3}, DIGITS, 8),
        ("PBT", {**MAXIMIZE, "population_size": 2}, DIGITS, 8),
        ("Hyperband", {**MAXIMIZE, "R": 4, "eta": 2}, DIGITS, 8),
    ],
)
def test_a_tuner_of_nni_goes_on_to_its_end(tmp_path, name, arguments, space, ended):
    status, errors, states = over(tmp_path, AlgorithmConfig(name=name, class_args=arguments), space)
    assert (status, errors, len(states)) == ("DONE", [], ended)


@pytest.mark.nni
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("Medianstop", {"start_step": 1}), ("Curvefitting", {"epoch_num": 3, "start_step": 2, "threshold": 0.9})],
)
def test_an_assessor_of_nni_goes_on_to_its_end(tmp_path, name, arguments):
    assessor = AlgorithmConfig(name=name, class_args=arguments)
    status, errors, _ = over(tmp_path, AlgorithmConfig(name="Evolution"), assessor=assessor)
    assert (status, errors) == ("DONE", [])


AS_IT_PROPOSES = "def generate_parameters(self, number, **named): "
FAULTS = [
    pytest.param(AS_IT_PROPOSES + "raise ValueError('no idea')", "ValueError: no idea", marks=pytest.mark.system),
    pytest.param("def __init__(self): raise ValueError('no idea')", "ValueError: no idea", marks=pytest.mark.slow),
    pytest.param(AS_IT_PROPOSES + "import os; os._exit(3)", "see ", marks=pytest.mark.slow),
]


@pytest.mark.nni
@pytest.mark.parametrize(("method", "said"), FAULTS)
def test_an_experiment_ends_with_its_tuner_and_says_why(tmp_path, method, said):
    start = "from nni.tuner import Tuner\nclass Faulty(Tuner):\n    def update_search_space(self, space): pass\n"
    (tmp_path / "faulty.py").write_text(f"{start}    {method}\n")
    tuner = CustomAlgorithmConfig(class_name="faulty.Faulty", code_directory=tmp_path)
    status, errors, states = over(tmp_path, tuner)
    assert (status, states, len(errors)) == ("ERROR", [], 1)
    assert errors[0].startswith(f"the tuner has ended: {said}")
