"""Bagging over folds: who learned from whom, what is selected by whose word, and what is shipped of it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from finished_runs import searched, searched_digits
from onnx_checks import require_equal_probabilities
from quick_tails import QUICK
from safetensors.torch import load_file
from shopping import shopping

from nni_nasplus import UserError
from nni_nasplus.cli.commands.export import export
from nni_nasplus.cli.report import report
from nni_nasplus.data.link import means_of
from nni_nasplus.errors import TrialFailed
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.tail.bagging import Bagged, bagged
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Training, trial_contender
from nni_nasplus.tail.distilled import taught_winner
from nni_nasplus.tail.refitted import refit
from nni_nasplus.tail.tail import run_tail
from nni_nasplus.tail.workers import Workers
from nni_nasplus.training.trial_folder import failed, write_outcome

FOLDS = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("bagging") / "run", tail_minutes=10.0, folds=FOLDS, trials=2)


@pytest.fixture(scope="module")
def tail(run):
    return run_tail(run)


@pytest.fixture
def copy(run, tail, tmp_path):
    """The run elsewhere, to change."""
    shutil.copytree(run.directory, tmp_path / "copy")
    return Run.open(tmp_path / "copy")


def weights_written(run):
    return {path: path.stat().st_mtime_ns for path in run.directory.rglob("model.safetensors")}


def out_of_fold(run, member):
    """What each network of a candidate says of the fold that it has not learned from, in the order of the folds."""
    said = []
    for network in member.networks:
        evaluator = run.evaluator.held_out(network.fold, len(member.networks))
        task = evaluator.task(network.network())
        evaluator._score("validate", task)
        said.append(task.predictions)
    return np.concatenate([one.outputs for one in said]), np.concatenate([one.labels for one in said])


def test_each_member_is_a_network_a_fold(tail):
    assert tail.folds == FOLDS
    assert tail.bagged
    for member in tail.ensemble.members:
        assert [one.fold for one in member.networks] == list(range(FOLDS))
        assert len({(one.folder / "model.safetensors").read_bytes() for one in member.networks}) == FOLDS


def test_what_is_selected_by_was_said_by_networks_that_never_saw_it(run, tail):
    for member in tail.ensemble.members:
        outputs, labels = out_of_fold(run, member)
        np.testing.assert_allclose(member.predictions.outputs, outputs, atol=1e-5)
        np.testing.assert_array_equal(member.predictions.labels, labels)


def test_all_users_who_train_or_validate_select(run, tail):
    users = json.loads((run.cache / "meta.json").read_text())["users"]
    assert len(tail.ensemble.members[0].predictions.labels) == users["train"] + users["val"]


def test_the_scores_of_the_ensemble_are_those_of_its_word_out_of_fold(run, tail):
    means = [weight * means_of(one.predictions.outputs, "softmax") for one, weight in _pairs(tail)]
    labels = tail.ensemble.members[0].predictions.labels
    positive = np.add.reduce(means)[:, 1]
    above = positive[labels == 1][:, None] - positive[labels == 0]
    assert tail.ensemble.metrics["roc_auc"] == pytest.approx(((above > 0) + (above == 0) / 2).mean(), abs=1e-5)


def _pairs(tail):
    return zip(tail.ensemble.members, tail.ensemble.weights, strict=True)


def test_what_is_shipped_is_the_weighted_mean_over_folds(run, tail):
    expected = 0
    for member, weight in _pairs(tail):
        said = [means_of(run.evaluator.tested(one.network())[1].outputs, "softmax") for one in member.networks]
        expected = expected + weight * np.mean(said, 0)
    logits = np.log(expected) / tail.ensemble.temperature
    np.testing.assert_allclose(
        means_of(run.evaluator.tested(Model.of(run).network)[1].outputs, "softmax"),
        means_of(logits, "softmax"),
        atol=1e-6,
    )


def test_an_ensemble_of_networks_has_no_baseline(run, tail):
    assert {member.networks[0].space for member in tail.networks.members} == {run.space}


def test_the_winner_is_the_best_architecture_over_folds(run, tail):
    assert {one.name for one in tail.repeats} == {f"trial {trial.number}" for trial in run.history().best}
    assert all([network.fold for network in one.folds] == list(range(FOLDS)) for one in tail.repeats)
    assert tail.winner.out_of_fold == max(one.out_of_fold for one in tail.repeats)
    assert run.selected("winner")["members"][0]["name"].startswith(tail.winner.name)


def test_a_second_tail_trains_nothing(run, tail):
    before = weights_written(run)
    again = run_tail(run)
    assert weights_written(run) == before
    assert again.ensemble.weights == tail.ensemble.weights


def test_a_killed_tail_trains_the_fold_that_it_was_at_and_those_after_it(run, tail, copy):
    member = next(one for one in tail.ensemble.members if one.networks[0].space is run.space)
    lost = [one.folder.relative_to(run.directory) for one in member.networks[1:]]
    for folder in lost:
        shutil.rmtree(copy.directory / folder)
    before = weights_written(copy)
    run_tail(copy)
    after = weights_written(copy)
    assert {path: time for path, time in after.items() if path in before} == before
    assert {path.parent for path in after.keys() - before.keys()} == {copy.directory / folder for folder in lost}
    for folder in lost:
        old, new = (load_file(place / folder / "model.safetensors") for place in (run.directory, copy.directory))
        assert all(torch.equal(old[name], new[name]) for name in old)
    assert copy.selected()["test"] == run.selected()["test"]


def test_a_member_that_fails_on_a_fold_is_left_out(copy, monkeypatch):
    first, second = (trial_contender(copy, trial) for trial in copy.history().best)
    train = Training.train

    def failing(training, run):
        if training.name == second.name and training.fold[0] == 1:
            write_outcome(training.folder, failed(ValueError("no luck")))
        else:
            train(training, run)

    monkeypatch.setattr(Training, "train", failing)
    workers, budget = Workers(copy), Budget(100)
    assert [one.name for one in bagged(copy, [first, second], 2, budget, workers)] == [first.name]
    assert bagged(copy, [second, first], 2, budget, workers) == []


def test_without_time_nothing_is_bagged_and_that_is_said(tmp_path, capsys):
    run = searched(tmp_path / "run", **QUICK, trials=1, folds="auto")
    report(run)
    assert not (run.directory / "folds").exists()
    assert not any("fold" in member for member in run.selected()["members"])
    assert "no time was left to bag the ensemble over 5 folds" in " ".join(capsys.readouterr().out.split())


def test_a_budget_has_room_for_the_first_or_for_none(run, tail):
    candidates = [trial_contender(run, trial) for trial in run.history().best]
    assert bagged(run, candidates, 2, Budget(0.0), Workers(run)) == []


def test_where_no_folds_are_asked_for_there_are_none(tmp_path):
    found = run_tail(searched(tmp_path / "run", tail_minutes=0.2, trials=1, folds=0))
    assert (found.folds, found.bagged) == (0, False)


def test_the_table_says_that_scores_are_out_of_fold(copy, capsys):
    report(copy)
    text = " ".join(capsys.readouterr().out.split())
    assert f"the ensemble is bagged over {FOLDS} folds: its validation score is out of fold" in text
    assert "the winner is the best of 2 architectures by its mean over the folds, 0." in text
    assert "what may be shipped, on folds" in (copy.directory / "report.html").read_text(encoding="utf-8")


def test_what_is_exported_says_what_the_search_saw_in_onnx_too(run, tail, tmp_path):
    export(str(run.directory), to=str(tmp_path / "model"), onnx=True)
    loaded = Model.load(tmp_path / "model")
    said, again = (run.evaluator.tested(one)[1] for one in (tail.ensemble.network(), loaded.network))
    np.testing.assert_allclose(means_of(again.outputs, "softmax"), means_of(said.outputs, "softmax"), atol=1e-6)
    require_equal_probabilities(loaded.network, tmp_path / "model" / "model.onnx", run.cache, atol=1e-6)
    answers = loaded.predict(shopping()[0])
    assert isinstance(answers, pd.DataFrame)
    assert len(answers) == 120


def test_a_card_has_a_line_and_a_picture_for_each_member_not_for_each_network(run, tail, tmp_path):
    export(str(run.directory), to=str(tmp_path / "model"))
    card = (tmp_path / "model" / "README.md").read_text()
    count = len(tail.ensemble.members)
    assert all(card.count(f"| {member.name} |") == 1 for member in tail.ensemble.members)
    assert "Each member is the mean of 3 networks" in card
    assert "| metric | out-of-fold |" in card
    pictures = {path.name for path in (tmp_path / "model").glob("*.svg")}
    assert pictures == ({"architecture.svg"} if count == 1 else {f"member_{i + 1}.svg" for i in range(count)})


def test_a_refit_has_one_network_in_place_of_those_of_the_folds_also_while_the_run_is_shown(run, tail, copy):
    with copy.held("trials"):  # as nasplus ui does
        refit(copy)
    members = copy.selected("refit ensemble")["members"]
    assert [one["name"] for one in members] == [one.name for one in tail.ensemble.members]
    assert [one["weight"] for one in members] == pytest.approx(tail.ensemble.weights)
    assert not any("fold" in one for one in members)
    assert len(Model.of(copy, what="refit ensemble").networks) == len(members)


def test_a_bagged_ensemble_teaches_the_winner(run, tail):
    assert tail.taught
    taught, untaught = run.selected("winner"), run.selected("untaught")
    assert taught == run.selected("distilled")
    assert taught["members"][0]["architecture"] == untaught["members"][0]["architecture"]
    assert taught["metrics"]["roc_auc"] >= untaught["metrics"]["roc_auc"]
    tests = (tail.tests["winner"].metrics["roc_auc"], taught["test"]["test"])
    _, said = run.evaluator.tested(Model.of(run, what="winner").network)
    assert tests == pytest.approx([run.evaluator.measure(said)["roc_auc"]] * 2, abs=1e-6)


def test_a_pupil_that_is_worse_is_not_shipped(copy):
    before = copy.selected("untaught")
    better = {**before, "metrics": {**before["metrics"], "roc_auc": 1.1}}
    copy.select({"ensemble": copy.selected(), "winner": better})
    assert taught_winner(copy) is None
    assert copy.selected("winner") == better


def test_a_pupil_that_diverges_is_not_shipped(copy, monkeypatch):
    def diverged(*_, **__):
        raise TrialFailed("loss is nan")

    copy.select({"ensemble": copy.selected(), "winner": copy.selected("untaught")})
    shutil.rmtree(copy.directory / "distilled")
    monkeypatch.setattr(type(copy.evaluator), "fit", diverged)
    assert taught_winner(copy) is None
    assert set(copy.selections) == {"ensemble", "winner"}


def test_images_are_not_bagged(tmp_path):
    run = searched_digits(tmp_path / "run", **QUICK)
    assert run.evaluator.recommended_folds == 0
    with pytest.raises(UserError, match="ImageClassification cannot train on folds; use --folds 0"):
        run.evaluator.held_out(0, 5)


def test_members_and_networks_are_of_one_order(run, tail):
    assert all(isinstance(member, Bagged) for member in tail.ensemble.members)
    said = [one.predictions.labels for one in tail.ensemble.members]
    assert all((one == said[0]).all() for one in said)
