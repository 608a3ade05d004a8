"""Boosting as a network: an evaluator fits, keeps, exports and scores it as it does any other."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from onnx_checks import require_equal_logits
from sklearn.metrics import roc_auc_score
from torch.nn.functional import cross_entropy

from nni_nasplus import UserError
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.data.targets import Number
from nni_nasplus.networks.export import export_onnx
from nni_nasplus.spaces.events.boosting import BoostedEvents
from nni_nasplus.training.events import EventClassification

SETTING = "boosting, 7 leaves, rate 0.1"


@pytest.fixture(scope="module")
def space(cache):
    return BoostedEvents(**EventDataModule(cache).shape.to_json())


@pytest.fixture(scope="module")
def trained(cache, space, tmp_path_factory):
    """The folder of a trial, its metrics, and the network that it left there."""
    folder, architecture = tmp_path_factory.mktemp("trial"), space.parse_genotype(SETTING)
    metrics = EventClassification(str(cache)).evaluate(space, architecture, folder)
    return folder, metrics, space.trained(architecture, folder / "model.safetensors")


def validation(cache, network):
    """The logits and labels of the validation users."""
    with torch.inference_mode():
        parts = [(network(batch), batch.label) for batch in EventDataModule(cache).val_dataloader()]
    return [torch.cat(part) for part in zip(*parts, strict=True)]


def test_the_metrics_are_those_of_the_network_kept(cache, trained):
    _, metrics, network = trained
    logits, labels = validation(cache, network)
    assert roc_auc_score(labels, logits.softmax(-1)[:, 1]) == pytest.approx(metrics["roc_auc"], abs=1e-6)
    assert metrics["roc_auc"] > 0.7
    assert metrics["parameters"] == 0


def test_it_keeps_the_trees_of_the_best_validation_loss(cache, space, trained):
    _, metrics, network = trained
    fewer = space.build(space.parse_genotype(SETTING))
    fewer.load_state_dict(network.state_dict())
    losses = []
    for iterations in range(len(network.trees.roots) + 1):
        fewer.trees.roots = network.trees.roots[:iterations]
        losses.append(cross_entropy(*validation(cache, fewer)).item())
    assert 1 < len(losses) < 300
    assert losses[-1] == min(losses) == pytest.approx(metrics["loss"], abs=1e-6)


def test_equal_seeds_and_other_batches_give_equal_trees(cache, space, trained, tmp_path):
    _, metrics, network = trained
    again = space.build(space.parse_genotype(SETTING))
    other = EventClassification(str(cache), batch_size=7, epochs=1).fit(again, tmp_path)
    assert all(torch.equal(a, again.state_dict()[name]) for name, a in network.state_dict().items())
    assert other["loss"] == pytest.approx(metrics["loss"], abs=1e-6)


def test_onnx_gives_its_logits_at_any_size(cache, space, trained, tmp_path):
    network = trained[2]
    assert export_onnx(network, space.example(), tmp_path / "m.onnx")
    require_equal_logits(network, tmp_path / "m.onnx", cache, atol=1e-6)


def test_genotypes_are_read_as_they_are_written(space):
    for architecture in space.search_space:
        assert space.parse_genotype(space.genotype(architecture)) == architecture
    for text in ("boosting, 15 leaves", "boosting, 30 leaves, rate 0.1", "boosting, 15 leaves, rate .", ""):
        with pytest.raises(UserError, match=r"leaves, rate|allowed: 7, 15"):
            space.parse_genotype(text)


def test_of_a_number_trees_may_minimise_the_absolute_error():
    """Without a use of any column a tree's leaves are the median then, as they are the mean for squares."""
    space = BoostedEvents([4], 0, 1, 8)
    assert space.search_space.size == 2 * BoostedEvents([4], 0, 2, 8).search_space.size
    for architecture in space.search_space:
        assert space.parse_genotype(space.genotype(architecture)) == architecture
    table, label = torch.zeros(99, 1), torch.arange(99.0).square()
    for error, expected in (("squared", label.mean()), ("absolute", label.median())):
        network = space.build(space.parse_genotype(SETTING) | {"error": error})
        data = SimpleNamespace(target=Number("spent", 0.0, 1.0), train_dataloader=lambda: [])
        network._table = lambda batches: (table.numpy(), label[:, None].numpy())
        network.fit_to(data, 0, rounds=1)
        assert network.trees(table)[0].item() == pytest.approx(expected.item())


def test_the_drawing_leads_from_events_to_classes(space):
    flow = space.graph(space.parse_genotype(SETTING))
    assert list(flow) == ["events", "aggregates", "trees", "classes"]
    assert flow.nodes["trees"]["label"] == "trees of 7 leaves, learning rate 0.1"
