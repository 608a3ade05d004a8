"""Trials that are paused at rungs and go on, in the very process that searches."""

from __future__ import annotations

import errno
import json
import os
from collections import Counter
from pathlib import Path

import pytest
import torch
from finished_runs import searched
from pytorch_lightning import Trainer
from safetensors.torch import load_file

from nni_nasplus import UserError
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.hosts.process import ProcessHost
from nni_nasplus.registry import described
from nni_nasplus.run.checkpoints import bound_checkpoints
from nni_nasplus.run.completed import completed
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.trial import Outcome
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.trial_folder import LAST, WEIGHTS, write_outcome

EPOCHS, TRIALS = 3, 4


def run_of(folder: Path, cache: Path, **settings) -> Run:
    """A search of four architectures and rungs at 1 and 3 epochs, of which one goes on."""
    evaluator = EventClassification(str(cache), epochs=EPOCHS, batch_size=64)
    sizes = {**EventDataModule(cache).shape.to_json(), "hidden": 32}
    wanted = Settings(strategy="random", host="process", trials=TRIALS, budget="asha", **settings)
    return Run.create(folder, completed(wanted, described(EventSequenceSpace, sizes), evaluator))


def complete(run: Run) -> None:
    with ProcessHost().search(run) as search:
        search.wait(lambda history: None)


def told(run: Run) -> Counter[tuple[int, int | None]]:
    """How often each rung's result of each trial is in the journal."""
    lines = [json.loads(line) for line in (run.directory / "journal.jsonl").read_text().splitlines()]
    return Counter((line["number"], line.get("epochs")) for line in lines if line["event"] == "tell")


@pytest.fixture(scope="module")
def whole(cache, tmp_path_factory):
    run = run_of(tmp_path_factory.mktemp("budget") / "run", cache)
    complete(run)
    return run


def test_all_are_trained_a_little_and_one_to_its_end(whole):
    history = whole.history()
    assert {epochs: len(trials) for epochs, trials in history.arrivals.items()} == {1: TRIALS, EPOCHS: 1}
    assert history.best[0].reached == EPOCHS
    assert set(told(whole).values()) == {1}
    assert whole.settings.are_met(history)


def test_a_paused_training_that_went_on_is_the_training_without_a_pause(whole, tmp_path):
    best = whole.history().best[0]
    whole.evaluator.evaluate(whole.space, best.architecture, tmp_path)
    for name, weight in load_file(tmp_path / WEIGHTS).items():
        assert torch.equal(weight, load_file(whole.weights(best))[name]), name


def test_only_those_that_wait_keep_a_checkpoint(whole):
    history = whole.history()
    kept = {trial.number for trial in history.trials if (whole.trial_directory(trial) / LAST).is_file()}
    assert kept == {trial.number for trial in history.trials if trial.reached == 1}


@pytest.mark.parametrize("dies", [1, TRIALS])
def test_a_search_that_dies_in_a_rung_trains_nothing_twice_but_that(cache, whole, tmp_path, monkeypatch, dies):
    run, parts = run_of(tmp_path / "run", cache), []
    evaluate = EventClassification.evaluate

    def dying(self, space, architecture, directory, reporter, run, epochs):
        parts.append((space.search_space.key(architecture), epochs))
        if len(parts) == dies + 1:
            raise KeyboardInterrupt
        return evaluate(self, space, architecture, directory, reporter, run, epochs)

    monkeypatch.setattr(EventClassification, "evaluate", dying)
    with pytest.raises(KeyboardInterrupt):
        complete(run)
    complete(Run.open(run.directory))
    assert parts.count(parts[dies]) == 2
    assert len(parts) == len(set(parts)) + 1
    assert told(run) == told(whole)
    assert [trial.score for trial in run.history().trials] == [trial.score for trial in whole.history().trials]


def test_a_full_disk_ends_the_search_and_what_was_in_training_goes_on_from_its_last_checkpoint(
    cache, whole, tmp_path, monkeypatch
):
    run, saved = run_of(tmp_path / "run", cache), []
    save = Trainer.save_checkpoint

    def full(self, path, *arguments, **options):
        saved.append(path) if ".last." in str(path) else None
        if len(saved) == TRIALS + 1:  # the first after all have got to the first rung
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return save(self, path, *arguments, **options)

    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"no space left on .*run; .*resume"):
        patch.setattr(Trainer, "save_checkpoint", full)
        complete(run)
    assert sorted(trial.status for trial in run.history().trials) == [*["done"] * (TRIALS - 1), "pending"]
    assert not list(run.directory.rglob("*.partial*"))
    complete(Run.open(run.directory))
    assert told(run) == told(whole)
    assert [trial.score for trial in run.history().trials] == [trial.score for trial in whole.history().trials]


def test_a_result_of_a_rung_that_nobody_had_heard_of_counts_and_an_older_one_does_not(cache, tmp_path):
    run = run_of(tmp_path / "run", cache)
    search = run.open_search()
    trial = search.ask()
    write_outcome(run.trial_directory(trial), Outcome(score=0.9, epochs=1))
    search.journal.close()
    complete(run)
    assert run.history().trials[0].curve[1] == 0.9
    assert run.history().trials[0].curve[EPOCHS] != 0.9  # it went on, with 0.9 in its folder


@pytest.mark.parametrize("bounds", [{"max_checkpoints": 2}, {"max_checkpoints_mib": 1e-4}])
def test_checkpoints_are_bounded_and_the_best_of_their_rung_stay(tmp_path, bounds):
    run = searched(tmp_path / "run", strategy="random").with_settings(budget="asha", **bounds)
    search = run.new_search(run.space.search_space)
    for score in (0.1, 0.5, 0.3):
        trial = search.ask()
        folder = run.trial_directory(trial)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LAST).write_bytes(bytes(100))
        search.tell(trial, Outcome(score=score, epochs=1))
    bound_checkpoints(run, search.history)
    kept = [trial.score for trial in search.history.trials if (run.trial_directory(trial) / LAST).is_file()]
    assert kept == ([0.5, 0.3] if "max_checkpoints" in bounds else [0.5])


def test_what_runs_counts_and_keeps_its_checkpoint(tmp_path):
    run = searched(tmp_path / "run", strategy="random").with_settings(budget="asha", max_checkpoints=2, trials=4)
    search = run.new_search(run.space.search_space)
    trials = [search.ask() for _ in range(4)]
    for trial, score in zip(trials, (0.1, 0.5, 0.3, None), strict=True):
        folder = run.trial_directory(trial)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LAST).write_bytes(bytes(100))
        if score is not None:
            search.tell(trial, Outcome(score=score, epochs=1))
    bound_checkpoints(run, search.history)
    kept = [trial.score for trial in search.history.trials if (run.trial_directory(trial) / LAST).is_file()]
    assert kept == [0.5, None]


def test_rungs_that_are_annealed_are_whole_trainings_of_their_own(cache, tmp_path):
    run = run_of(tmp_path / "run", cache, budget_options={"annealed": True})
    complete(run)
    history = run.history()
    assert {epochs: len(trials) for epochs, trials in history.arrivals.items()} == {1: TRIALS, EPOCHS: 1}
    for trial in history.trials:
        alone = EventClassification(str(cache), epochs=trial.reached, batch_size=64)
        assert alone.evaluate(run.space, trial.architecture, tmp_path / "alone")["roc_auc"] == trial.score


def test_what_cannot_be_paused_is_named(cache):
    boosted = described(type_of_boosting(), EventDataModule(cache).shape.to_json())
    with pytest.raises(UserError, match="--budget asha needs trainings that can be paused, and networks of BoostedE"):
        completed(Settings(budget="asha"), boosted, EventClassification(str(cache)))


def type_of_boosting():
    from nni_nasplus import registry

    return registry.load("spaces", "boosting")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": "asha", "budget_options": {"eta": 1}}, "eta is 1; use more than 1"),
        ({"budget": "later"}, "unknown budget 'later'; available: asha"),
        ({"budget_options": {"eta": 3}}, "--budget_options have no effect without --budget"),
        ({"max_checkpoints": 0}, "--max_checkpoints is 0; use 1 or more"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_read(settings, message):
    with pytest.raises(UserError, match=message):
        Settings(host="process", **settings).check()


def test_a_smallest_budget_above_the_schedule_and_distillation_are_named(cache):
    space = described(EventSequenceSpace, EventDataModule(cache).shape.to_json())
    with pytest.raises(UserError, match="smallest is 9 and a whole training 3 epochs; use 1 to 3"):
        completed(
            Settings(budget="asha", budget_options={"smallest": 9}), space, EventClassification(str(cache), epochs=3)
        )
    with pytest.raises(UserError, match="--budget asha and distillation exclude each other"):
        completed(Settings(budget="asha"), space, EventClassification(str(cache), distillation={}))
