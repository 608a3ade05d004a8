"""What is shipped, trained again on training and validation examples: on which, for how long, and what it keeps."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from finished_runs import searched
from quick_tails import QUICK
from safetensors.torch import load_file

from nni_nasplus import UserError
from nni_nasplus.cli.commands.export import export
from nni_nasplus.data.link import means_of
from nni_nasplus.errors import TrialFailed
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.tail.distilled import distil
from nni_nasplus.tail.refitted import refit
from nni_nasplus.tail.tail import run_tail


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    found = searched(tmp_path_factory.mktemp("refit") / "run", **QUICK)
    run_tail(found)
    refit(found)
    return found


@pytest.fixture
def copy(run, tmp_path):
    """The run elsewhere, to change."""
    shutil.copytree(run.directory, tmp_path / "copy")
    return Run.open(tmp_path / "copy")


def forgetful(run, member):
    """The member's folder keeps no epochs, as those of earlier releases."""
    path = run.directory / member["folder"] / "result.json"
    content = json.loads(path.read_text())
    del content["metrics"]["epochs"]
    path.write_text(json.dumps(content))


def weights_of(run, member):
    return load_file(run.directory / member["folder"] / "model.safetensors")


def test_weights_seeds_temperature_and_validation_scores_stay_as_they_were_selected(run):
    before, after = run.selected(), run.selected("refit ensemble")
    for name in ("temperature", "metrics"):
        assert after[name] == before[name]
    for old, new in zip(before["members"], after["members"], strict=True):
        assert {**new, "folder": old["folder"]} == old
        assert new["folder"].startswith(f"refit/{old['folder']}_")


def test_every_member_is_another_network_than_before(run):
    for old, new in zip(run.selected()["members"], run.selected("refit ensemble")["members"], strict=True):
        weights, again = weights_of(run, old), weights_of(run, new)
        assert any(weights[name].shape != again[name].shape or (weights[name] != again[name]).any() for name in weights)


def test_the_kept_test_scores_are_those_of_the_networks(run):
    after = run.selected("refit ensemble")
    assert after["refit"] == {"name": "ensemble", "test": run.selected()["test"]}
    _, said = run.evaluator.tested(Model.of(run, what="refit ensemble").network)
    assert run.evaluator.measure(said)["roc_auc"] == pytest.approx(after["test"]["test"], abs=1e-6)


def test_what_was_refit_is_taken_as_it_is(run, copy):
    before = run.selected("refit ensemble")
    shutil.rmtree(copy.directory / "trials")
    assert refit(copy) == "refit ensemble"
    assert copy.selected("refit ensemble") == before


def test_a_member_that_is_refit_anew_gets_the_same_weights(run, copy):
    shutil.rmtree(copy.directory / "refit")
    copy.select({name: one for name, one in copy.selections.items() if name != "refit ensemble"})
    refit(copy)
    for member in run.selected("refit ensemble")["members"]:
        weights, again = weights_of(run, member), weights_of(copy, member)
        assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_boosted_trees_are_as_many_as_were_found(run, copy):
    refit(copy, what="boosting")
    old, new = (Model.of(copy, what=what).network for what in ("boosting", "refit boosting"))
    assert new.rounds == old.rounds
    assert not torch.equal(new.trees.value, old.trees.value)


def test_a_member_is_refit_under_its_own_seed(copy, tmp_path):
    (member,) = copy.selected("winner")["members"]
    kept = {**copy.selections["winner"], "members": [{**member, "seed": 7}]}
    copy.select({**copy.selections, "winner": kept})
    refit(copy, what="winner")
    evaluator = replace(copy.evaluator, seed=7).tuned(member["architecture"])
    with evaluator.seeded():
        network = copy.space.build(member["architecture"])
    evaluator.refit(network, tmp_path / "expected", 1)
    again, (found,) = load_file(tmp_path / "expected" / "model.safetensors"), copy.selected("refit winner")["members"]
    assert all(torch.equal(again[name], value) for name, value in weights_of(copy, found).items())


def test_an_export_says_that_it_was_refit_and_scores_both(run, tmp_path, capsys):
    export(str(run.directory), to=str(tmp_path / "model"), refit=True)
    before, after = run.selected()["test"]["test"], run.selected("refit ensemble")["test"]["test"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"ensemble: test roc_auc {before:.4f}", f"refit ensemble: test roc_auc {after:.4f}"]
    card = (tmp_path / "model" / "README.md").read_text()
    assert "trained again on training and validation data" in card
    assert f"roc_auc is {after:.4f}" in card
    loaded = Model.load(tmp_path / "model")
    _, said = run.evaluator.tested(Model.of(run, what="refit ensemble").network)
    _, again = run.evaluator.tested(loaded.network)
    np.testing.assert_allclose(means_of(again.outputs, "softmax"), means_of(said.outputs, "softmax"), atol=1e-6)


def test_a_trial_is_refit_alone_and_beside_its_own_test_score(copy, tmp_path, capsys):
    export(str(copy.directory), to=str(tmp_path / "model"), refit=True, trial=1)
    network = copy.network(copy.history().trials[1])
    assert capsys.readouterr().out.startswith(f"trial 1: test roc_auc {copy.evaluator.test(network)['roc_auc']:.4f}\n")
    assert [member.name for member in Model.load(tmp_path / "model").members] == ["trial 1"]


def test_a_run_without_tail_refits_its_best_trial(copy):
    best = copy.history().best[0].number
    (copy.directory / "selected.json").unlink()
    assert refit(copy) == f"refit trial {best}"


def test_where_no_epochs_were_kept_the_schedule_is_trained_and_that_is_said(copy):
    (member,) = copy.selected("winner")["members"]
    forgetful(copy, member)
    line = f"{member['name']} has not kept after how many epochs it was best; it is trained for all 1 of the schedule"
    with pytest.warns(UserWarning, match=line):
        refit(copy, what="winner")


def test_what_cannot_be_refit_is_named(copy, tmp_path):
    distil(copy)
    for what in ("distilled", "refit ensemble"):
        with pytest.raises(UserError, match=f"'{what}' cannot be refit"):
            refit(copy, what=what)
    with pytest.raises(UserError, match="--refit and --distil exclude each other"):
        export(str(copy.directory), to=str(tmp_path / "model"), refit=True, distil=True)
    assert not (tmp_path / "model").exists()


def test_what_diverges_is_no_export(copy, monkeypatch, tmp_path):
    def diverged(*_):
        raise TrialFailed("loss is nan on the test split: training diverged")

    monkeypatch.setattr("nni_nasplus.tail.refitted.tested", diverged)
    with pytest.raises(UserError, match="winner cannot be refit: loss is nan on the test split"):
        export(str(copy.directory), to=str(tmp_path / "model"), refit=True, single=True)
    assert "refit winner" not in copy.selections
