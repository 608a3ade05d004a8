"""The average of weights: after each step, from the right check on, and back to the best epoch."""

from __future__ import annotations

import pytest
import torch
from language_models import model
from torch import nn

from nni_nasplus.training.language import LanguageModelling
from nni_nasplus.training.text.averaging import WeightAverage
from nni_nasplus.training.text.language_model import LanguageModel


def test_the_average_is_the_mean_of_the_weights_after_each_step(text, tmp_path):
    seen = []

    class Watched(LanguageModel):
        def on_train_batch_end(self, *args):
            super().on_train_batch_end(*args)
            seen.append([p.detach().clone() for p in self.network.parameters()])

    class Watching(LanguageModelling):
        def task(self, network):
            return Watched(network, learning_rate=0.02, bptt=20, averaging="asgd")

    network = model(16)
    curve = Notes()
    metrics = Watching(str(text), epochs=2, batch_size=8, bptt=20).fit(network, tmp_path, curve)
    for found, *weights in zip(network.parameters(), *seen, strict=True):
        torch.testing.assert_close(found.detach(), torch.stack(weights).mean(0), rtol=1e-4, atol=1e-5)
    assert metrics["loss"] == pytest.approx(curve.seen[-1]["loss"], rel=1e-5), "validation saw the mean"


class Notes:
    output = None

    def __init__(self):
        self.seen = []

    def intermediate(self, score, metrics):
        self.seen.append(metrics)

    def final(self, outcome):
        pass


def test_early_stopping_goes_back_to_the_mean_of_the_best_epoch(text, tmp_path):
    class Worsening(LanguageModel):
        def on_train_epoch_start(self):
            if self.current_epoch == 1:
                self.learning_rate = 3.0

    class Worse(LanguageModelling):
        def task(self, network):
            return Worsening(network, learning_rate=0.02, bptt=20, averaging="asgd")

    notes = Notes()
    metrics = Worse(str(text), epochs=9, patience=2, batch_size=8, bptt=20).fit(model(16), tmp_path, notes)
    losses = [epoch["loss"] for epoch in notes.seen]
    assert losses[0] == min(losses)
    assert len(losses) == 3
    assert metrics["loss"] == pytest.approx(losses[0], rel=1e-5)


def test_the_average_begins_when_the_loss_is_worse_than_before_the_last_five_checks():
    network = nn.Linear(1, 1)
    average = WeightAverage(network, "nt-asgd")

    for loss in (5.0, 4.0, 4.5, 4.4, 4.3, 4.2, 4.1):
        average.check(loss)
        assert average.count is None, "4.0 is one of the last five"
    average.check(4.05)
    assert average.count == 0
    weight = network.weight.item()
    average.swap()
    assert network.weight.item() == weight, "there is nothing to average yet"
    for value in (1.0, 2.0):
        nn.init.constant_(network.weight, value)
        average.update()
    average.swap()
    assert network.weight.item() == 1.5
    average.swap()
    assert network.weight.item() == 2.0
