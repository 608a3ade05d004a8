"""Distillation in a search: from the options of the command to the journal."""

from __future__ import annotations

import pytest
from nasplus_command import asking, nasplus, refused
from nni.nas.experiment import NasExperiment
from nni_server import free_port
from places import ROOT
from processes import run_python
from school import evaluator
from shopping import COLUMNS

from nni_nasplus import Journal, Outcome, Proposal, SearchSpace
from nni_nasplus.cli.tasks.events import EventTask
from nni_nasplus.hosts.nni import NasStrategy, NasTuner
from nni_nasplus.run.run import Run
from nni_nasplus.strategies import RandomSearch
from nni_nasplus.training.trial_folder import trial_directory, write_outcome


class TestJournal:
    def test_teachers_are_kept_where_there_are_some(self, tmp_path):
        space = SearchSpace({"a": [1, 2]})
        journal = Journal.create(tmp_path / "j.jsonl", space)
        for value, taught in ((1, ()), (2, (0,))):
            trial = journal.ask(Proposal({"a": value}))
            journal.tell(trial.number, Outcome(score=0.5, teachers=taught))
        assert [trial.teachers for trial in Journal.read(tmp_path / "j.jsonl").history.trials] == [(), (0,)]
        assert (tmp_path / "j.jsonl").read_text().count("teachers") == 1

    def test_the_tuner_records_what_the_trial_left(self, tmp_path):
        tuner = NasTuner(directory=str(tmp_path))
        tuner.update_search_space({"a": {"_type": "choice", "_value": [1, 2, 3]}})
        folder = trial_directory(tmp_path, tuner.search.space.key(tuner.generate_parameters(0)))
        write_outcome(folder, Outcome(score=0.5, teachers=(7, 5)))
        tuner.receive_trial_result(0, None, 0.5)
        assert tuner.search.history.trials[0].teachers == (7, 5)


class TestCommand:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({"trials": 400}, {"n_skip": 30}),
            ({"trials": 20}, {"n_skip": 6}),
            ({"trials": 5}, {"n_skip": 3}),
            ({"trials": 20, "distillation": {"n_skip": 2, "loss": "kl", "weight": 0.5}}, {"n_skip": 2, "loss": "kl"}),
        ],
    )
    def test_it_begins_early_enough_for_the_number_of_trials(self, options, expected):
        trials = options.pop("trials")
        task = EventTask(events="e", labels="l", **COLUMNS, distill=True, **options)
        assert task.settings_of_distillation(trials).items() >= expected.items()
        assert EventTask(events="e", labels="l", **COLUMNS).settings_of_distillation(trials) is None

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"distill": "true", "trials": 3}, "begins after 3 of 3 trials and would reach none"),
            ({"distill": "true", "distillation.n_skip": 9}, "set --distillation.n_skip below --trials"),
            ({"distillation.n_skip": 2}, "--distillation.n_skip has no effect; add --distill"),
            ({"distill": "true", "distillation.wait": 2}, "distillation has no setting 'wait'"),
            ({"distill": "true", "distillation.weight": 2}, "distillation.weight is 2; use a number from 0 to 1"),
        ],
    )
    def test_bad_options_are_one_line_and_write_nothing(self, capsys, tables, tmp_path, changes, message):
        assert message in refused(capsys, *asking(tables, tmp_path / "run", **changes))
        assert not (tmp_path / "run").exists()

    @pytest.mark.slow
    @pytest.mark.nni
    def test_a_search_at_concurrency_2_shows_three_distinct_teachers(self, tables, tmp_path):
        out = tmp_path / "run"
        done = nasplus(*asking(tables, out, trials=8), "--distill", "--distillation.weight", "0.3")
        assert done.returncode == 0, done.stderr
        opened = Run.open(out)
        assert (opened.evaluator.distillation.weight, opened.evaluator.distillation.n_skip) == (0.3, 3)
        _require_lessons(opened.history(), 3)
        assert len(list((out / "teachers").glob("*.npy"))) >= 3
        assert "teachers" in nasplus("show", out).stdout


@pytest.mark.slow
def test_the_benchmark_runs(tmp_path):
    script = ROOT / "benchmarks" / "distillation.py"
    command = [script, "--data", tmp_path, "--seeds", "2", "--only", "vowels"]
    printed = run_python(command, check=True, timeout=400).stdout
    for words in ("Japanese Vowels: 2 seeds", "change with mse", "test accuracy", "validation loss"):
        assert words in printed


@pytest.mark.slow
@pytest.mark.nni
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_nas_experiment_distils_too(cache, space, tmp_path):
    distillation = {"n_skip": 3, "n_teachers": 2}
    strategy = NasStrategy(RandomSearch(), tmp_path / "run", seed=0, direction="maximize")
    experiment = NasExperiment(space, evaluator(cache, distillation), strategy)
    experiment.config.max_trial_number, experiment.config.trial_concurrency = 7, 2
    experiment.config.experiment_working_directory = tmp_path / "nni"
    experiment.run(free_port())
    experiment.stop()
    _require_lessons(Journal.read(tmp_path / "run" / "journal.jsonl").history, 2)


def _require_lessons(history, n_teachers):
    """The last trial has all its teachers, the first three have none; a teacher is another, finished trial."""
    assert [trial.teachers for trial in history.trials[:3]] == [()] * 3
    assert len(history.finished[-1].teachers) == n_teachers
    for trial in history.finished:
        assert len(set(trial.teachers)) == len(trial.teachers)
        assert all(history.trials[number].status == "done" for number in trial.teachers)
        assert trial.number not in trial.teachers
