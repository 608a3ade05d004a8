"""Refitting: on all training and validation examples and no other, for a part of the same schedule, unmeasured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from image_training import evaluator as image_evaluator
from image_training import small
from safetensors.torch import load_file

from nni_nasplus import UserError
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.events.boosting import BoostedEvents
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.language import LanguageModelling
from nni_nasplus.training.supervised.module import Supervised

EPOCHS = 4


class Watched(Supervised):
    """Notes the rows of each epoch, the rate of each step, and that it was never measured."""

    def on_train_start(self):
        self.rows, self.rates, self.measured = [], [], 0

    def on_train_epoch_start(self):
        self.rows.append([])

    def training_step(self, batch, batch_index):
        self.rows[-1] += batch.row.tolist()
        self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
        return super().training_step(batch, batch_index)

    def validation_step(self, batch, batch_index):
        self.measured += 1


class Watching(EventClassification):
    """Keeps its latest task."""

    def task(self, network):
        rates = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        object.__setattr__(self, "watched", Watched(network, self.criterion(), **rates))
        return self.watched


def fresh(cache, genotype="01|1|g||00"):
    space = EventSequenceSpace(**EventDataModule(cache).shape.to_json(), hidden=8)
    torch.manual_seed(3)
    return space.build(space.parse_genotype(genotype))


def of(cache, kind=Watching, **options):
    return kind(str(cache), **{"epochs": EPOCHS, "batch_size": 32, **options})


@pytest.fixture(scope="module")
def watched(cache, tmp_path_factory):
    """The task of a refit of 2 of 4 epochs, and its folder."""
    evaluator, folder = of(cache, class_weights="balanced"), tmp_path_factory.mktemp("refit")
    evaluator.refit(fresh(cache), folder / "new", 2)
    return evaluator.watched, folder / "new"


def test_each_epoch_has_every_training_and_validation_user_once_and_no_test_user(cache, watched):
    data = EventDataModule(cache)
    expected = np.flatnonzero(data.arrays.split < 2)
    assert len(expected) == data.sizes["train"] + data.sizes["val"]
    assert len(watched[0].rows) == 2
    for rows in watched[0].rows:
        np.testing.assert_array_equal(np.sort(rows), expected)


def test_the_rates_are_the_beginning_of_the_whole_schedule(cache, watched):
    steps = len(of(cache).refit_data().train_dataloader())
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=EPOCHS * steps)
    expected = []
    for _ in range(2 * steps):
        expected += schedule.get_last_lr()
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(watched[0].rates, expected)


def test_nothing_is_measured_and_nothing_left_but_the_weights(watched):
    assert watched[0].measured == 0
    assert [path.name for path in watched[1].iterdir()] == ["model.safetensors"]
    kept = load_file(watched[1] / "model.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in watched[0].network.state_dict().items())


def test_classes_are_weighted_as_in_the_search(cache, watched):
    assert torch.equal(watched[0].criterion.class_weights, EventDataModule(cache).class_weights)


def test_equal_seeds_give_equal_weights(cache, tmp_path):
    def refit(name, seed):
        torch.rand(7)
        of(cache, EventClassification, seed=seed).refit(fresh(cache), tmp_path / name, 1)
        return load_file(tmp_path / name / "model.safetensors")

    first, again, other = refit("a", 0), refit("b", 0), refit("c", 1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_the_global_generators_are_left_alone(cache, tmp_path):
    network = fresh(cache)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    of(cache, EventClassification).refit(network, tmp_path, 1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("epochs", [0, EPOCHS + 1])
def test_epochs_outside_the_schedule_are_refused(cache, tmp_path, epochs):
    with pytest.raises(UserError, match=f"epochs is {epochs}; use 1 to 4, the epochs of the schedule"):
        of(cache).refit(fresh(cache), tmp_path / "new", epochs)
    assert not (tmp_path / "new").exists()


class Notes:
    """A reporter that remembers the scores."""

    output = None

    def __init__(self):
        self.scores = []

    def intermediate(self, score, metrics):
        self.scores.append(score)


def test_training_says_after_how_many_epochs_its_weights_were_what_they_are(cache, tmp_path):
    notes, options = Notes(), {"epochs": 40, "patience": 1, "learning_rate": 0.02}
    stopped = of(cache, EventClassification, **options).fit(fresh(cache), tmp_path / "stopped", notes)
    assert len(notes.scores) < 40
    assert stopped["epochs"] == 1 + np.argmax(notes.scores)
    whole = of(cache, EventClassification, epochs=2, patience=None).fit(fresh(cache), tmp_path / "whole")
    assert whole["epochs"] == 2
    evaluator, network = of(cache, EventClassification, patience=None), fresh(cache)
    for epochs in (2, 1, 3):
        part = evaluator.fit(network, tmp_path / "part", epochs=epochs)
        assert part["epochs"] == max(2, epochs)


def test_a_refit_on_training_users_alone_is_the_training_that_was_found(cache, tmp_path):
    class Alone(EventClassification):
        def refit_data(self):
            return self.data()

    search, again = fresh(cache), fresh(cache)
    for network in (search, again):
        for module in network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    options = {"epochs": 40, "patience": 1, "learning_rate": 0.02}
    found = of(cache, EventClassification, **options).fit(search, tmp_path / "found")
    of(cache, Alone, **options).refit(again, tmp_path / "again", int(found["epochs"]))
    weights = again.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in search.state_dict().items())


def test_boosted_trees_grow_for_so_many_rounds_whatever_validation_says(cache, tmp_path):
    space = BoostedEvents(**EventDataModule(cache).shape.to_json())
    network, seen = space.build(space.parse_genotype("boosting, 7 leaves, rate 0.1")), []
    network.aggregates.register_forward_hook(lambda module, batch, table: seen.extend(batch[0].row.tolist()))
    of(cache, EventClassification).refit(network, tmp_path, 5)
    assert network.rounds == 5
    np.testing.assert_array_equal(np.sort(seen), np.flatnonzero(EventDataModule(cache).arrays.split < 2))


def test_images_are_all_those_of_training_and_validation(stripes, tmp_path):
    data = image_evaluator(stripes).refit_data()
    draws = [draw.rows for draw in data.train_dataloader().sampler]
    np.testing.assert_array_equal(np.sort(np.concatenate(draws)), data.arrays.rows("train", "val"))
    assert {len(data.arrays.rows(split)) for split in ("train", "val", "test")} == set(data.sizes.values())
    image_evaluator(stripes).refit(small(), tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_language_models_are_not_refit(text, tmp_path):
    with pytest.raises(
        UserError, match=r"LanguageModelling cannot refit its networks: it has no method refit_data\(\)"
    ):
        LanguageModelling(str(text)).refit(torch.nn.Linear(1, 1), tmp_path, 1)
