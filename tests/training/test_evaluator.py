"""The evaluator: reproducible, honest about its best epoch, and plain about divergence."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from onnx_checks import require_equal_logits
from safetensors.torch import load_file
from sklearn.metrics import f1_score, roc_auc_score

from nni_nasplus import UserError
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.errors import TrialFailed
from nni_nasplus.networks.export import export_onnx
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.events import EventClassification

GENOTYPES = ["01|1|agc1|44,12|00", "10|0|g,a2|28|12", "21|1|||01"]


class Notes:
    """A reporter that remembers."""

    def __init__(self, output=None):
        self.output = output
        self.curve = []
        self.result = None

    def intermediate(self, score, metrics):
        self.curve.append({"score": score, **metrics})

    def final(self, outcome):
        self.result = outcome


@pytest.fixture
def space(cache):
    return EventSequenceSpace(**EventDataModule(cache).shape.to_json())


def evaluate(cache, space, folder, reporter=None, genotype=GENOTYPES[0], **options):
    evaluator = EventClassification(str(cache), **{"epochs": 3, "batch_size": 32, **options})
    return evaluator.evaluate(space, space.parse_genotype(genotype), folder, reporter)


def test_equal_seeds_give_equal_metrics_and_weights(cache, space, tmp_path):
    def run(name, seed):
        torch.rand(7)
        metrics = evaluate(cache, space, tmp_path / name, seed=seed)
        metrics.pop("seconds")
        return metrics, load_file(tmp_path / name / "model.safetensors")

    (first, weights), (second, again), (other, _) = run("a", 0), run("b", 0), run("c", 1)
    assert first == second
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    assert first["loss"] != other["loss"]


def test_training_leaves_the_global_generators_alone(cache, space, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    evaluate(cache, space, tmp_path, epochs=1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("objective", ["roc_auc", "loss"])
def test_the_metrics_reported_are_those_of_the_weights_kept(cache, space, tmp_path, objective):
    notes = Notes()
    metrics = evaluate(cache, space, tmp_path, notes, epochs=6, patience=6, objective=objective)
    assert len(notes.curve) == 6
    assert metrics[objective] == pytest.approx(notes.curve[-1]["score"], abs=1e-6)
    assert notes.result.score == metrics[objective]
    assert {"parameters", "flops", "seconds", "accuracy", "f1"} <= notes.result.metrics.keys()
    assert notes.result.metrics["parameters"] > 0 < notes.result.metrics["flops"]

    network = space.build(space.parse_genotype(GENOTYPES[0])).eval()
    network.load_state_dict(load_file(tmp_path / "model.safetensors"))
    logits, labels = predictions(cache, network)
    probabilities = logits.softmax(-1).numpy()
    assert roc_auc_score(labels, probabilities[:, 1]) == pytest.approx(metrics["roc_auc"], abs=1e-5)
    assert f1_score(labels, logits.argmax(-1), average="macro") == pytest.approx(metrics["f1"], abs=1e-5)
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
    assert loss.item() == pytest.approx(metrics["loss"], abs=1e-5)


def predictions(cache, network):
    with torch.inference_mode():
        parts = [(network(batch), batch.label) for batch in EventDataModule(cache).val_dataloader()]
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts]).numpy()


def test_training_stops_early_and_goes_back_to_its_best_epoch(cache, space, tmp_path):
    notes = Notes()
    metrics = evaluate(cache, space, tmp_path, notes, epochs=40, patience=1, learning_rate=0.02)
    assert len(notes.curve) < 40
    assert metrics["roc_auc"] == pytest.approx(max(point["score"] for point in notes.curve), abs=1e-6)
    assert list(tmp_path.glob("*.ckpt")) == []


def test_divergence_is_a_failure_with_its_reason(cache, space, tmp_path):
    with pytest.raises(TrialFailed, match="loss is nan after epoch 1: training diverged"):
        evaluate(cache, space, tmp_path, learning_rate=1e30)
    assert not (tmp_path / "model.safetensors").exists()


def test_the_hosts_folder_gets_tensorboard_curves_and_onnx(cache, space, tmp_path):
    evaluate(cache, space, tmp_path / "trial", Notes(tmp_path / "host"))
    assert list((tmp_path / "host" / "tensorboard").glob("events.*"))
    assert (tmp_path / "host" / "model.onnx").is_file()


@pytest.mark.parametrize("genotype", GENOTYPES)
def test_onnx_gives_the_networks_logits_at_any_size(cache, space, tmp_path, genotype):
    network = space.build(space.parse_genotype(genotype)).eval()
    assert export_onnx(network, space.example(), tmp_path / "m.onnx")
    require_equal_logits(network, tmp_path / "m.onnx", cache, atol=1e-5)


def test_an_unknown_objective_is_named(cache):
    with pytest.raises(UserError, match="unknown objective 'auc'; choose one of roc_auc"):
        EventClassification(str(cache), objective="auc")


def test_an_evaluator_of_ones_own_travels_as_its_fields():
    made = Guessing(objective="loss", sides=8)
    described_again = json.loads(json.dumps(made.init_args))
    assert described_again["sides"] == 8
    assert Guessing(**described_again) == made
    assert made.direction == "minimize"
    with pytest.raises(UserError, match="unknown objective 'luck'; choose one of accuracy, loss"):
        Guessing(objective="luck")


@dataclass(frozen=True, kw_only=True)
class Guessing(Evaluator):
    """A user's own."""

    directions: ClassVar = {"accuracy": "maximize", "loss": "minimize"}

    objective: str = "accuracy"
    epochs: int = 1
    sides: int = 6

    def data(self):
        raise NotImplementedError

    def task(self, network):
        raise NotImplementedError
