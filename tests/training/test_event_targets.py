"""Numbers and several labels at once, from a table to a trained, saved and boosted predictor."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from onnx_checks import require_equal_logits
from shopping import shopping
from sklearn.metrics import r2_score, roc_auc_score

from nni_nasplus import UserError
from nni_nasplus.data.events import EventDataModule, prepare
from nni_nasplus.data.link import means_of
from nni_nasplus.networks.export import export_onnx
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.events.boosting import BoostedEvents
from nni_nasplus.training.events import EventClassification, EventRegression
from nni_nasplus.training.predictions import Predictions

TARGETS = {"number": ["spent"], "tags": ["busy", "rich"]}
EVALUATORS = {"number": EventRegression, "tags": EventClassification}


def spending() -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the users of :func:`shopping` spent above 1,000, whether they came often, and whether they spent much."""
    events, labels = shopping(300)
    users = events.groupby("user")["amount"]
    spent, count = 1000 + users.sum().to_numpy(), users.size().to_numpy()
    return events, labels.assign(spent=spent, busy=(count > 6).astype(int), rich=np.where(spent > 1004, "yes", "no"))


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    """The prepared data of each target."""
    events, labels = spending()
    folder = tmp_path_factory.mktemp("targets")
    return {
        kind: prepare(
            events,
            labels,
            id="user",
            time="day",
            target=names,
            predicted="number" if kind == "number" else "classes",
            out=folder / kind,
            progress=False,
        )
        for kind, names in TARGETS.items()
    }


@pytest.fixture(scope="module")
def boosted(caches, tmp_path_factory):
    """Of each target the evaluator, the folder of boosted trees, and their metrics."""
    found = {}
    for kind, cache in caches.items():
        evaluator, folder = EVALUATORS[kind](str(cache)), tmp_path_factory.mktemp(kind)
        space = BoostedEvents(**EventDataModule(cache).shape.to_json())
        chosen = space.parse_genotype("boosting, 7 leaves, rate 0.1")
        metrics = evaluator.evaluate(space, chosen, folder)
        found[kind] = evaluator, folder, metrics, space.trained(chosen, folder / "model.safetensors")
    return found


def test_numbers_and_tags_are_learned(boosted):
    assert boosted["number"][2]["r2"] > 0.8
    assert boosted["tags"][2]["roc_auc"] > 0.9


def test_what_a_trial_keeps_has_the_metrics_that_it_reports(boosted):
    evaluator, folder, metrics, _ = boosted["number"]
    said = Predictions.load(folder / "validation.safetensors")
    assert r2_score(said.labels, said.outputs) == pytest.approx(metrics["r2"], abs=1e-5)
    assert evaluator.measure(said)["rmse"] == pytest.approx(metrics["rmse"], rel=1e-5)
    evaluator, folder, metrics, _ = boosted["tags"]
    said = Predictions.load(folder / "validation.safetensors")
    area = roc_auc_score(said.labels, means_of(said.outputs, "sigmoid"))
    assert area == pytest.approx(metrics["roc_auc"], abs=1e-5)


def test_answers_are_in_the_units_of_the_table(caches, boosted):
    events, labels = spending()
    evaluator, _, metrics, network = boosted["number"]
    answers = evaluator.preprocessing().predict(network, events).set_index("user")["spent"]
    arrays = EventDataModule(caches["number"]).arrays
    users = arrays.ids[arrays.rows("val")]
    error = answers[users].to_numpy() - labels.set_index("user")["spent"][users].to_numpy()
    assert np.sqrt((error**2).mean()) == pytest.approx(metrics["rmse"], rel=1e-5)


@pytest.mark.parametrize("kind", TARGETS)
def test_trees_of_numbers_and_tags_are_written_as_onnx(kind, boosted, tmp_path):
    *_, network = boosted[kind]
    example = EventDataModule(boosted[kind][0].cache).shape.example()
    assert export_onnx(network, example, tmp_path / "model.onnx")
    require_equal_logits(network, tmp_path / "model.onnx", boosted[kind][0].cache, 1e-5)


@pytest.mark.parametrize("kind", TARGETS)
def test_a_network_of_the_space_learns_them_by_gradients(kind, caches, tmp_path):
    evaluator = EVALUATORS[kind](str(caches[kind]), epochs=8, batch_size=16, learning_rate=0.01)
    space = EventSequenceSpace(**EventDataModule(caches[kind]).shape.to_json(), width=16, hidden=8)
    metrics = evaluator.evaluate(space, space.parse_genotype("00|1|gc||01"), tmp_path)
    assert metrics["r2" if kind == "number" else "roc_auc"] > (0.3 if kind == "number" else 0.7)


def test_balanced_tags_weigh_those_that_have_one_by_how_many_lack_it(caches):
    criterion = EventClassification(str(caches["tags"]), class_weights="balanced").criterion()
    data = EventDataModule(caches["tags"])
    labels = torch.from_numpy(data.arrays.label[data.arrays.rows("train")])
    torch.testing.assert_close(criterion.positive_weights * labels.sum(0), (1 - labels).sum(0))


@pytest.mark.parametrize(
    ("asked", "minimised"),
    [({"objective": "mae"}, "absolute"), ({}, "squared"), ({"objective": "mae", "error": "squared"}, "squared")],
)
def test_the_error_follows_the_objective_unless_it_is_named(asked, minimised, caches):
    said, true = torch.tensor([[3.0]]), torch.tensor([[0.0]])
    loss = EventRegression(str(caches["number"]), **asked).criterion()(said, true)
    assert loss == {"absolute": 3.0, "squared": 4.5}[minimised]


@pytest.mark.parametrize(("kind", "words"), [("number", "a number"), ("tags", "2 labels")])
def test_a_picture_says_what_the_network_gives(kind, words, caches):
    space = EventSequenceSpace(**EventDataModule(caches[kind]).shape.to_json())
    for one in (space, *space.baselines(torch.nn.Identity()).values()):
        flow = one.graph(one.search_space.sample(np.random.default_rng(0)))
        assert [label for _, label in flow.nodes(data="label") if label == words] == [words]


@pytest.mark.parametrize(("kind", "evaluator"), [("number", EventClassification), ("tags", EventRegression)])
def test_an_evaluator_of_another_target_says_which_to_use(kind, evaluator, caches):
    with pytest.raises(UserError, match=r"to predict; use Event(Regression|Classification)"):
        evaluator(str(caches[kind])).criterion()


def test_what_is_no_number_is_named(tmp_path):
    events, labels = shopping()
    with pytest.raises(
        UserError, match=r"labels: row 1 of column 'loyal' holds '(yes|no)', which is no number.*--objective roc_auc"
    ):
        prepare(events, labels, id="user", time="day", target="loyal", predicted="number", out=tmp_path / "data")
