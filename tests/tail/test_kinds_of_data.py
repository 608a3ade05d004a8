"""What stands beside a search of images and of texts: tuned, in the table, and to be exported."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
import torch
from finished_runs import searched_digits, searched_text

from nni_nasplus.cli.commands.export import export
from nni_nasplus.cli.report import report
from nni_nasplus.data.link import means_of
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import instantiate
from nni_nasplus.run.model import Model
from nni_nasplus.tail.refitted import refit
from nni_nasplus.tail.tail import tunable

BASELINES = {"images": {"ResNet-20", "boosting"}, "text": {"GRU", "LSTM"}}
MAKE = {"images": searched_digits, "text": searched_text}
QUICK = {"tail_minutes": 10.0, "baseline_trials": 2}


@pytest.fixture(scope="module", params=MAKE)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def run(kind, tmp_path_factory):
    found = MAKE[kind](tmp_path_factory.mktemp(kind) / "run", **QUICK)
    report(found)
    return found


@pytest.fixture(scope="module")
def result(run):
    return json.loads((run.directory / "report.json").read_text())


def baseline(run, name):
    (member,) = run.selected(name)["members"]
    return instantiate(member["space"], NetworkSpace), member


def test_each_baseline_stands_in_the_table_once_with_its_tunings(run, kind, result):
    rows = {row["name"]: row for row in result["rows"] if "genotype" in row}
    assert rows.keys() == BASELINES[kind]
    assert all(row["trainings"] == 2 for row in rows.values())
    assert all(row["genotype"].startswith(name) for name, row in rows.items())


def test_what_is_shipped_is_the_first_row_of_the_table(run, result):
    tested = run.evaluator.test(Model.of(run).network)
    assert tested[run.settings.objective] == pytest.approx(result["rows"][0]["test"][run.settings.objective], rel=1e-4)


def test_what_is_tried_first_has_the_learning_rate_of_the_search(kind, run, result):
    first = {"images": "ResNet-20", "text": "GRU"}[kind]
    folders = (run.directory / "baselines" / first).iterdir()
    space = tunable(run, run.network(run.history().best[0]))[first]
    (tried,) = space.search_space.initial
    assert tried["learning_rate"] == run.evaluator.learning_rate
    assert space.search_space.key(tried) in {folder.name for folder in folders}


def test_where_a_baseline_is_ahead_the_last_line_says_how_to_export_it(run, kind, result):
    sign = 1 if run.settings.direction == "maximize" else -1
    tests = {row["name"].partition(" of ")[0]: sign * row["test"][run.settings.objective] for row in result["rows"]}
    shipped = tests.get("ensemble", tests["winner"])
    best = max(BASELINES[kind], key=lambda name: tests[name])
    assert result["better"] == (best if tests[best] > shipped else None)


def test_an_exported_baseline_says_what_the_search_saw(run, kind, tmp_path):
    for name in BASELINES[kind]:
        export(str(run.directory), to=str(tmp_path / name), members=name)
        space, member = baseline(run, name)
        seen = space.trained(member["architecture"], run.directory / member["folder"] / "model.safetensors").eval()
        again = Model.load(tmp_path / name).network
        example = torch.randn(3, 1, 8, 8) if kind == "images" else torch.tensor([[1], [2], [3]])
        logits = [one[0] if isinstance(one, tuple) else one for one in (seen(example), again(example))]
        assert torch.equal(*logits)


def test_baselines_of_images_may_be_members_of_the_ensemble_and_are_never_ahead_of_it(tmp_path):
    run = searched_digits(tmp_path / "run", tail_minutes=1e-9)
    report(run)
    shipped = run.selected()
    assert shipped["metrics"]["accuracy"] >= run.selected("boosting")["metrics"]["accuracy"]
    kinds = {member["space"]["class_path"].rpartition(".")[2] for member in shipped["members"]}
    assert "BoostedPixels" in kinds, "an epoch of two small networks is behind trees on the pixels of digits"
    Model.of(run).save(tmp_path / "model", onnx=True)
    images = np.random.default_rng(0).normal(size=(5, 1, 8, 8)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "model" / "model.onnx")
    with torch.inference_mode():
        expected = Model.load(tmp_path / "model").network(torch.from_numpy(images)).numpy()
    said = session.run(None, {"input": images})[0]
    np.testing.assert_allclose(means_of(said, "softmax"), means_of(expected, "softmax"), atol=1e-5)


def test_trees_on_pixels_are_refit_for_the_rounds_that_were_found(tmp_path):
    run = searched_digits(tmp_path / "run", tail_minutes=1e-9)
    report(run)
    assert refit(run, what="boosting") == "refit boosting"
    old, new = (Model.of(run, what=what).network for what in ("boosting", "refit boosting"))
    assert new.rounds == old.rounds
    assert not torch.equal(new.trees.value, old.trees.value)
