"""The tail of a search: what it repeats, compares and joins, and that it is done once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from finished_runs import searched
from onnx_checks import require_equal_probabilities

from nni_nasplus import UserError
from nni_nasplus.cli.commands.export import export
from nni_nasplus.data.link import means_of
from nni_nasplus.ensembles.network import Ensemble
from nni_nasplus.run.model import Model
from nni_nasplus.tail.distilled import distil
from nni_nasplus.tail.tail import run_tail


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("tail") / "run", tail_minutes=10.0, folds=0)


@pytest.fixture(scope="module")
def tail(run):
    return run_tail(run)


def weights_written(run):
    return {path: path.stat().st_mtime_ns for path in run.directory.rglob("model.safetensors")}


def test_the_best_are_trained_again_under_other_seeds(run, tail):
    assert len(tail.repeats) == 3
    assert all(len(one.trainings) >= 2 for one in tail.unclear)
    scores = [one.score for one in tail.winner.trainings]
    assert tail.winner.mean == pytest.approx(np.mean(scores))
    assert tail.winner.mean == max(one.mean for one in tail.repeats)


def test_a_search_that_goes_on_knows_what_was_trained_again(run, tail):
    search = run.open_search()
    search.journal.close()
    seen = {run.space.search_space.key(one.architecture): one.utility for one in search.history.observations}
    assert {one.key: one.mean for one in tail.repeats} == pytest.approx(seen)


def test_the_ensemble_scores_no_worse_than_any_of_what_it_was_selected_from(run, tail):
    every = [*(one for r in tail.repeats for one in r.trainings), *(one for b in tail.baselines.values() for one in b)]
    assert tail.ensemble.metrics["roc_auc"] >= max(one.score for one in every) - 1e-9
    assert sum(tail.ensemble.weights) == pytest.approx(1)


def test_the_ensembles_metrics_are_those_of_its_network(run, tail):
    network = tail.ensemble.network()
    assert isinstance(network, Ensemble)
    measured = run.evaluator._score("validate", run.evaluator.task(network))
    for name, value in tail.ensemble.metrics.items():
        assert measured[name] == pytest.approx(value, abs=1e-5)


def test_every_baseline_stands_beside(tail):
    assert set(tail.baselines) == {"boosting", "GRU", "LSTM"}
    assert {"ensemble", "networks", "winner", *tail.baselines} == set(tail.tests)
    low, high = tail.tests["winner"].interval
    assert low <= tail.tests["winner"].metrics["roc_auc"] <= high


def test_a_second_tail_trains_nothing(run, tail):
    before = weights_written(run)
    again = run_tail(run)
    assert weights_written(run) == before
    assert again.ensemble.weights == tail.ensemble.weights
    assert again.tests["ensemble"].metrics == tail.tests["ensemble"].metrics


def test_without_time_nothing_is_repeated_and_each_baseline_trained_once(tmp_path):
    found = run_tail(searched(tmp_path / "run", tail_minutes=1e-9, trials=2))
    assert [len(one.trainings) for one in found.repeats] == [1, 1]
    assert {name: len(trainings) for name, trainings in found.baselines.items()} == {"boosting": 1, "GRU": 1, "LSTM": 1}
    assert found.unclear == found.repeats


def test_what_is_exported_says_what_the_search_saw(run, tail, tmp_path):
    for what, expected in (("ensemble", tail.ensemble.network()), ("winner", tail.winner.best.network())):
        Model.of(run, what=what).save(tmp_path / what)
        _, said = run.evaluator.tested(expected)
        _, again = run.evaluator.tested(Model.load(tmp_path / what).network)
        np.testing.assert_allclose(means_of(again.outputs, "softmax"), means_of(said.outputs, "softmax"), atol=1e-6)


def test_the_ensemble_says_the_same_as_onnx(run, tail, tmp_path):
    Model.of(run).save(tmp_path / "model", onnx=True)
    loaded = Model.load(tmp_path / "model")
    require_equal_probabilities(loaded.network, tmp_path / "model" / "model.onnx", run.cache, atol=1e-6)


def test_an_exported_ensemble_has_a_card_and_a_picture_of_each_member(run, tail, tmp_path):
    export(str(run.directory), to=str(tmp_path / "model"))
    names = {path.name for path in (tmp_path / "model").iterdir()}
    count = len(tail.ensemble.members)
    pictures = {"architecture.svg"} if count == 1 else {f"member_{i + 1}.svg" for i in range(count)}
    assert names == {"README.md", "architecture.json", "model.safetensors", "preprocessing.json", *pictures}
    card = (tmp_path / "model" / "README.md").read_text()
    assert f"roc_auc is {tail.tests['ensemble'].metrics['roc_auc']:.4f}" in card
    assert "strategy `random`, 3 trials, seed 0" in card
    assert all(member.name in card for member in tail.ensemble.members)


def test_a_baseline_can_be_exported_alone(run, tail, tmp_path):
    export(str(run.directory), to=str(tmp_path / "model"), members="boosting")
    assert [member.name for member in Model.load(tmp_path / "model").members] == [tail.baselines["boosting"][0].name]


def test_members_that_are_not_there_are_named(run, tail, tmp_path):
    with pytest.raises(UserError, match="--members is 'trees'; use all, or one of GRU, LSTM, boosting"):
        export(str(run.directory), to=str(tmp_path / "model"), members="trees")
    with pytest.raises(UserError, match="--single, --distil, --trial and --members exclude each other"):
        export(str(run.directory), to=str(tmp_path / "model"), single=True, trial=0)
    assert not list(tmp_path.iterdir())


def test_one_network_is_taught_what_the_ensemble_says(run, tail, tmp_path):
    distil(run)
    before, taught = weights_written(run), run.selected("distilled")
    distil(run)
    assert weights_written(run) == before
    _, said = run.evaluator.tested(Model.of(run, what="distilled").network)
    assert run.evaluator.measure(said)["roc_auc"] == pytest.approx(taught["test"]["test"], abs=1e-6)
    assert run.selected() is not None


def test_nothing_is_taught_by_a_single_network(run, tail):
    assert [len(one.networks) for one in tail.ensemble.members] == [1]
    assert not tail.taught
    assert run.selected("untaught") is None


def test_a_search_without_tail_ships_its_best_trial(tmp_path):
    run = searched(tmp_path / "run", trials=1)
    assert [member.name for member in Model.of(run).members] == ["trial 0"]
    with pytest.raises(UserError, match="has no ensemble to teach; let the search end: nasplus resume"):
        distil(run)


def test_what_a_search_selected_is_told_when_it_is_damaged(run, tail, tmp_path):
    path = run.directory / "selected.json"
    before = path.read_text()
    content = json.loads(before)
    del content["ensemble"]["members"]
    path.write_text(json.dumps(content))
    try:
        with pytest.raises(UserError, match=r"selected\.json is damaged"):
            Model.of(run)
    finally:
        path.write_text(before)
