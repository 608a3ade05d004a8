"""Training classifiers of images: schedule, auxiliary loss, drop-path, scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from events_data import data_path
from image_training import evaluator, small
from safetensors.torch import load_file
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.data.images import ImageDataModule, prepare_images
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space
from nni_nasplus.spaces.images.operations import DropPath
from nni_nasplus.training.image_classifier import ImageClassifier
from nni_nasplus.training.images import ImageClassification

LIGHT = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
QUIET = {"logger": False, "enable_checkpointing": False, **LIGHT}


class Watched(ImageClassifier):
    """Notes what each step sees."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.losses, self.rates, self.norms, self.paths = [], [], [], []

    def on_train_batch_start(self, batch, batch_index):
        self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
        self.paths.append([m.probability for m in self.network.modules() if isinstance(m, DropPath)])

    def on_train_batch_end(self, outputs, batch, batch_index):
        self.losses.append((outputs["loss"].item(), batch))
        self.norms.append(nn.utils.get_total_norm([p.grad for p in self.parameters() if p.grad is not None]).item())

    def on_train_end(self):
        self.last_rate = self.trainer.optimizers[0].param_groups[0]["lr"]


def watched(cache, network, tmp_path, **options):
    """What the steps of an evaluator's training see."""

    class Watching(ImageClassification):
        def task(self, network):
            training = ("learning_rate", "weight_decay", "auxiliary_weight")
            options = {name: self.init_args[name] for name in training}
            self.watched = Watched(network, self.preprocessing().shape.classes, **options)
            return self.watched

    watching = Watching(str(cache), **{"epochs": 2, "batch_size": 32, "crop": 0, "flip": False, **options})
    watching.fit(network, tmp_path)
    return watching.watched


class Twofold(nn.Module):
    """Two linear classifiers; in evaluation the first alone."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(192, 3), nn.Linear(192, 3)

    def forward(self, x):
        x = x.flatten(1)
        return (self.first(x), self.second(x)) if self.training else self.first(x)


@pytest.mark.parametrize("options", [{}, {"auxiliary_weight": 0.7}])
def test_the_auxiliary_loss_is_added_with_its_weight(stripes, tmp_path, options):
    network = Twofold()
    found = watched(stripes, network, tmp_path, epochs=1, learning_rate=0.0, **options)
    weight = options.get("auxiliary_weight", 0.4)
    for loss, batch in found.losses:
        x = batch.images.flatten(1)
        first, second = (F.cross_entropy(part(x), batch.label) for part in (network.first, network.second))
        assert loss == pytest.approx((first + weight * second).item(), rel=1e-5)


def test_the_auxiliary_head_of_darts_learns_and_is_no_part_of_the_score(stripes):
    space = DartsSpace(channels=2, layers=3, classes=3, size=16, auxiliary=True, drop_path=0.0)
    network = space.build(space.parse_genotype("DARTS_V2"))
    task = ImageClassifier(network, 3)
    task.log = lambda *args, **options: None
    batch = next(iter(ImageDataModule(stripes, 8).train_dataloader()))
    batch = batch._replace(images=F.interpolate(batch.images, 16))
    task.training_step(batch, 0).backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network.auxiliary.parameters())
    assert task.eval()(batch.images).shape == (8, 3)


def test_drop_path_grows_with_the_epochs_and_is_off_in_evaluation(stripes, tmp_path):
    space = DartsSpace(channels=1, layers=2, classes=3, size=8, drop_path=0.3)
    network = space.build(space.parse_genotype("DARTS_V1"))
    found = watched(stripes, network, tmp_path, epochs=3)
    steps = len(found.paths) // 3
    for epoch in range(3):
        for paths in found.paths[epoch * steps : (epoch + 1) * steps]:
            assert paths
            assert all(probability == pytest.approx(0.3 * epoch / 3) for probability in paths)
    batch = next(iter(ImageDataModule(stripes, 8).val_dataloader()))
    found.eval()
    assert torch.equal(found(batch.images), found(batch.images))


def test_the_learning_rate_is_half_a_cosine_that_ends_at_0(stripes, tmp_path):
    found = watched(stripes, small(), tmp_path, epochs=4, learning_rate=0.2)
    steps = len(found.rates)
    assert steps == 4 * len(ImageDataModule(stripes, 32).train_dataloader())
    for step, rate in enumerate(found.rates):
        assert rate == pytest.approx(0.1 * (1 + math.cos(math.pi * step / steps)), rel=1e-6)
    assert found.last_rate == pytest.approx(0, abs=1e-12)


def test_the_gradient_is_clipped(stripes, tmp_path):
    norms = watched(stripes, small(), tmp_path / "clipped", epochs=1, clip=0.1).norms
    assert norms == [pytest.approx(0.1, rel=1e-3)] * len(norms)
    free = watched(stripes, small(), tmp_path / "free", epochs=1).norms
    assert 0.1 < max(free) <= 5.001


def test_a_step_is_that_of_sgd_with_momentum_and_weight_decay(stripes, tmp_path):
    network, copy = Twofold(), Twofold()
    copy.load_state_dict(network.state_dict())
    found = watched(stripes, network, tmp_path, epochs=1, learning_rate=0.01, weight_decay=0.1, clip=1e9)
    velocity = [torch.zeros_like(p) for p in copy.parameters()]
    for (_, batch), rate in zip(found.losses, found.rates, strict=True):
        first, second = copy(batch.images)
        loss = F.cross_entropy(first, batch.label) + 0.4 * F.cross_entropy(second, batch.label)
        gradients = torch.autograd.grad(loss, list(copy.parameters()))
        with torch.no_grad():
            for weight, gradient, speed in zip(copy.parameters(), gradients, velocity, strict=True):
                speed.mul_(0.9).add_(gradient + 0.1 * weight)
                weight.sub_(rate * speed)
    for one, other in zip(network.parameters(), copy.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch_size", [2, 7, 100])
def test_scores_are_means_over_all_images_whatever_the_batches(stripes, batch_size):
    network = small().eval()
    data = ImageDataModule(stripes, batch_size)
    batches = list(ImageDataModule(stripes, 7).val_dataloader())
    images, label = (torch.cat(parts) for parts in zip(*batches, strict=True))
    with torch.no_grad():
        logits = network(images)
    trainer = pl.Trainer(**QUIET)
    trainer.validate(ImageClassifier(network, 3), datamodule=data, verbose=False)
    found = trainer.callback_metrics
    assert found["val_loss"] == pytest.approx(F.cross_entropy(logits, label).item(), rel=1e-5)
    assert found["val_accuracy"] == pytest.approx((logits.argmax(1) == label).float().mean().item())


def test_training_repeats_itself_and_the_weights_kept_earn_the_score(stripes, tmp_path):
    learner = evaluator(stripes, epochs=4, learning_rate=0.1)
    results = [learner.fit(small(), tmp_path / name) for name in "ab"]
    for result in results:
        assert set(result) == {"accuracy", "loss", "seconds", "epochs"}
        result.pop("seconds")
    assert results[0] == results[1]
    assert results[0]["accuracy"] > 0.6
    network = small(seed=1)
    network.load_state_dict(load_file(tmp_path / "a" / "model.safetensors"))
    assert learner.test(network)["accuracy"] > 0.6
    trainer = pl.Trainer(**QUIET)
    trainer.validate(ImageClassifier(network, 3), datamodule=ImageDataModule(stripes), verbose=False)
    assert trainer.callback_metrics["val_loss"] == pytest.approx(results[0]["loss"], rel=1e-5)
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "curve.jsonl",
        "model.safetensors",
        "validation.safetensors",
    }


def test_training_never_stops_early(stripes, tmp_path):
    found = watched(stripes, small(), tmp_path, epochs=9, learning_rate=0.0)
    assert len(found.rates) == 9 * len(ImageDataModule(stripes, 32).train_dataloader())


def test_an_interrupted_training_goes_on_as_if_nothing_had_happened(stripes, tmp_path):
    def trained(callbacks, checkpoint=None):
        task = ImageClassifier(small(), 3, learning_rate=0.1)
        trainer = pl.Trainer(max_epochs=4, callbacks=callbacks, logger=False, enable_checkpointing=False, **LIGHT)
        trainer.fit(task, datamodule=evaluator(stripes, cutout=2).data(), ckpt_path=checkpoint)
        return task.network.state_dict()

    class Saves(pl.Callback):
        def on_train_epoch_end(self, trainer, module):
            if trainer.current_epoch == 1:
                trainer.save_checkpoint(tmp_path / "half.ckpt")

    expected = trained([Saves()])
    found = trained([], tmp_path / "half.ckpt")
    for name, weight in expected.items():
        assert torch.equal(found[name], weight), name


@pytest.mark.parametrize("kind", [DartsSpace, NasBench201Space])
def test_an_architecture_of_either_space_is_evaluated_in_colour(stripes, tmp_path, kind):
    shape = evaluator(stripes).data().shape.to_json()
    space = kind(channels=2, **shape, **({"layers": 2} if kind is DartsSpace else {"cells": 1}))
    architecture = space.search_space.sample(np.random.default_rng(0))
    metrics = evaluator(stripes, epochs=1).evaluate(space, architecture, tmp_path)
    assert {"accuracy", "loss", "seconds", "epochs", "parameters", "flops"} == set(metrics)
    assert 0 <= metrics["accuracy"] <= 1


def test_a_trained_network_beats_chance_on_fashion_mnist(tmp_path):
    with np.load(data_path("images/fashion_mnist_12k.npz"), allow_pickle=False) as file:
        parts = {f"{kind}_train": file[f"{kind}_train"][:1500] for kind in "xy"}
        parts |= {f"{kind}_test": file[f"{kind}_test"][:300] for kind in "xy"}
    np.savez(tmp_path / "fashion.npz", **parts)
    cache = prepare_images(tmp_path / "fashion.npz", out=tmp_path / "cache", size=14, progress=False)
    space = NasBench201Space(channels=6, cells=1, **ImageDataModule(cache).shape.to_json())
    assert (space.macro.in_channels, space.macro.classes, space.size) == (1, 10, 14)
    conv, none = "nor_conv_3x3", "none"
    network = space.build(space.parse_genotype(f"|{conv}~0|+|{none}~0|{conv}~1|+|skip_connect~0|{none}~1|{conv}~2|"))
    learner = evaluator(cache, learning_rate=0.1)
    learner.fit(network, tmp_path / "trial")
    assert learner.test(network)["accuracy"] > 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "roc_auc"}, "unknown objective 'roc_auc'; choose one of accuracy, loss"),
        ({"crop": -1}, "crop is -1; use 0 or more pixels"),
    ],
)
def test_wrong_arguments_are_named(stripes, options, message):
    with pytest.raises(UserError, match=message):
        evaluator(stripes, **options)


def test_the_arguments_make_the_same_evaluator_again(stripes):
    made = ImageClassification(str(stripes), epochs=3, batch_size=7, cutout=4, flip=False, clip=2.0, seed=5)
    again = ImageClassification(**made.init_args)
    assert again.init_args == made.init_args
    assert (again.clip, again.direction) == (2.0, "maximize")
    data = again.data()
    assert (data.batch_size, data.seed, data.augmentation.cutout, data.augmentation.flip) == (7, 5, 4, False)
    assert ImageClassification(str(stripes), objective="loss").direction == "minimize"


def test_baselines_are_drawn_from_the_seed_and_disturb_no_other_draws(stripes):
    space, winner = DartsSpace(4, 3, **ImageDataModule(stripes).shape.to_json()), small()
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)

    def drawn(seed):
        with evaluator(stripes, seed=seed).seeded():
            baseline = space.baselines(winner)["ResNet-20"]
            return baseline.build(baseline.search_space.initial[0])

    one, same, other = map(drawn, (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one.classifier.weight, same.classifier.weight)
    assert not torch.equal(one.classifier.weight, other.classifier.weight)
    assert one(torch.zeros(2, 3, 8, 8)).shape == (2, 3)
