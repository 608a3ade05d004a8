"""NNI through a tuner: every trial's record, metric and journal entry belong together."""

from __future__ import annotations

import shutil
import subprocess
import sys

import nni
import pytest
from nni.experiment import Experiment
from nni.experiment.config import CustomAlgorithmConfig
from nni_server import free_port, trials, wait
from places import NNI_TRIALS

from nni_nasplus import Journal, Outcome, SearchSpace, UserError
from nni_nasplus.hosts.nni import NasTuner
from nni_nasplus.hosts.nni.preloaded import trial_interpreter
from nni_nasplus.hosts.nni.results import outcome_of
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.training.trial_folder import failed, trial_directory, write_outcome

SPACE = SearchSpace({"tens": list(range(10)), "ones": list(range(10))})


def tuner(directory, **options):
    made = NasTuner(directory=str(directory), **options)
    made.update_search_space(SPACE.to_json())
    return made


@pytest.mark.nni
@pytest.mark.parametrize(
    "count", [pytest.param(12, marks=pytest.mark.system), pytest.param(40, marks=pytest.mark.slow)]
)
def test_trials_at_concurrency_2_after_one_that_died_are_all_paired(tmp_path, count):
    code = tmp_path / "code"
    code.mkdir()
    shutil.copy(NNI_TRIALS / "paired.py", code)
    experiment = Experiment("local")
    config = experiment.config
    config.search_space = SPACE.to_json()
    config.trial_command = f"{trial_interpreter()} paired.py"
    config.trial_code_directory = code
    config.trial_concurrency, config.max_trial_number = 2, count + 1
    config.experiment_working_directory = tmp_path / "nni"
    config.tuner = CustomAlgorithmConfig(class_name="nni_nasplus.hosts.nni.tuner.NasTuner", class_args={"seed": 1})
    port = free_port()
    experiment.start(port)
    try:
        assert wait(port) == "DONE"
        records = trials(port)
    finally:
        experiment.stop()
    done = [(parameters, metric) for status, parameters, metric in records if status == "SUCCEEDED"]
    assert len(done) == count
    assert [m for p, m in done if m["default"] != p["tens"] * 10 + p["ones"]] == []
    swapped = [m for p, m in done if m["handed"] != p["tens"] * 10 + p["ones"]]
    assert swapped, "NNI now hands every trial its own parameters: nni_nasplus.hosts.nni.pairing can go"

    history = Journal.read(tmp_path / "nni" / experiment.id / "nasplus" / "journal.jsonl").history
    assert sorted(t.status for t in history.finished) == ["done"] * count + ["failed"]
    for trial in history.trials:
        if trial.status == "done":
            assert trial.score == trial.architecture["tens"] * 10 + trial.architecture["ones"]


def test_the_tuner_process_imports_no_torch():
    code = "import sys, nni_nasplus.hosts.nni.tuner, nni_nasplus.strategies; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_failed_trial_keeps_its_reason_and_the_search_goes_on(tmp_path):
    made = tuner(tmp_path)
    first = made.generate_parameters(0)
    write_outcome(trial_directory(tmp_path, SPACE.key(first)), failed(ValueError("loss is nan\nand more")))
    made.trial_end(0, False)
    made.generate_parameters(1)
    made.trial_end(1, False)
    made.generate_parameters(2)
    made.receive_trial_result(2, None, {"default": 3.0, "flops": 7.0, "seconds": 2.0})
    made.trial_end(2, True)
    found = made.search.history.trials
    assert [t.status for t in found] == ["failed", "failed", "done"]
    assert found[0].reason == "ValueError: loss is nan"
    assert "see its log" in found[1].reason
    assert (found[2].score, found[2].metrics["flops"], found[2].cost) == (3.0, 7.0, 2.0)


def test_a_tuner_started_again_continues_and_counts_each_result_once(tmp_path):
    first = tuner(tmp_path, seed=4)
    asked = [first.generate_parameters(i) for i in range(3)]
    first.receive_trial_result(1, asked[1], 5.0)
    first.search.journal.close()
    second = tuner(tmp_path, seed=4)
    second.import_data([{"parameter": asked[1], "value": 5.0}])
    assert [second.generate_parameters(i) for i in range(2)] == [asked[0], asked[2]]
    assert [t.score for t in second.search.history.trials] == [None, 5.0, None]


def test_exhaustion_is_nnis_own_signal(tmp_path):
    made = NasTuner(directory=str(tmp_path))
    made.update_search_space({"a": {"_type": "choice", "_value": [1, 2]}})
    made.generate_parameters(0)
    made.generate_parameters(1)
    with pytest.raises(nni.NoMoreTrialError):
        made.generate_parameters(2)


def test_minimising(tmp_path):
    made = tuner(tmp_path, optimize_mode="minimize")
    for i in range(3):
        made.generate_parameters(i)
        made.receive_trial_result(i, None, float(i))
    assert [t.score for t in made.search.history.best] == [0.0, 1.0, 2.0]


def test_bad_settings_are_named(tmp_path):
    with pytest.raises(UserError, match="unknown strategy 'evolve'; available: bohb, evolution, nsga2, one_shot"):
        tuner(tmp_path / "a", strategy="evolve")
    with pytest.raises(UserError, match="no choice"):
        NasTuner(directory=str(tmp_path / "b")).update_search_space({"rate": {"_type": "uniform", "_value": [0, 1]}})
    with pytest.raises(RuntimeError, match="before it sent the search space"):
        NasTuner(directory=str(tmp_path / "c")).generate_parameters(0)
    tuner(tmp_path / "d", seed=1).search.journal.close()
    with pytest.raises(UserError, match="another seed"):
        tuner(tmp_path / "d", seed=2)


def test_a_run_directory_says_itself_how_to_search(tmp_path):
    Run.create(tmp_path, Settings(strategy="random", seed=7, direction="minimize", initial=[{"tens": 4, "ones": 2}]))
    made = tuner(tmp_path)
    assert made.generate_parameters(0) == {"tens": 4, "ones": 2}
    assert (type(made.search.strategy).__name__, made.search.seed) == ("RandomSearch", 7)
    assert made.search.history.direction == "minimize"
    with pytest.raises(UserError, match="says itself how to search; leave out seed, strategy"):
        tuner(tmp_path, seed=7, strategy="random")


def test_what_a_trial_left_in_its_folder_is_told_rather_than_what_nni_was_sent(tmp_path):
    made = tuner(tmp_path)
    first = made.generate_parameters(0)
    left = Outcome(score=3.0, metrics={"loss": 1.0}, cost=2.0, teachers=(5, 6))
    write_outcome(trial_directory(tmp_path, SPACE.key(first)), left)
    made.receive_trial_result(0, None, {"default": 3.0})
    assert made.search.history.trials[0].outcome == left


def test_an_interrupted_trial_is_handed_out_again_before_anything_new(tmp_path, monkeypatch):
    interrupted = Outcome(failure="interrupted", reason="ended from outside")
    monkeypatch.setattr("nni_nasplus.hosts.nni.tuner.post_mortem", lambda *_: interrupted)
    made = tuner(tmp_path)
    first, second = made.generate_parameters(0), made.generate_parameters(1)
    made.trial_end(0, False)
    assert made.generate_parameters(2) == first != second
    assert [trial.status for trial in made.search.history.trials] == ["pending", "pending"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, {"loss": 1.0}, {"default": "high"}])
def test_a_metric_that_is_no_number_is_a_failure_with_a_reason(value):
    outcome = outcome_of(value)
    assert (outcome.score, outcome.failure) == (None, "error")
    assert "reported" in outcome.reason


def test_extra_metrics_are_kept_where_finite():
    outcome = outcome_of({"default": 1, "loss": float("nan"), "seconds": 2.5})
    assert outcome == Outcome(score=1.0, metrics={"seconds": 2.5}, cost=2.5)
