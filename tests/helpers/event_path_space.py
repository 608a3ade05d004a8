"""A space of event sequences whose every decision is searched, small networks, and users of three classes."""

from __future__ import annotations

import pytorch_lightning as pl
from event_examples import SHAPE, random_batch
from torch.nn.functional import cross_entropy

from nni_nasplus.spaces.events import EventSequenceSpace

HYPERPARAMETERS = {
    "learning_rate": [0.01, 0.1],
    "width": [24, 0, 32],
    "hidden": [4, 8],
    "clock": ["gaps", "time"],
    "dropout": [0.1, 0.3],
}
POOLINGS = ["mean", "max", "mixed", "last", "attention"]


def event_space(shape=SHAPE, **arguments) -> EventSequenceSpace:
    return EventSequenceSpace(
        **{**shape.to_json(), "poolings": POOLINGS, "hyperparameters": HYPERPARAMETERS, **arguments}
    )


class Users:
    """Stands in for an evaluator: two batches of eight users on each half."""

    def data(self):
        return self

    def train_dataloader(self):
        return [random_batch(SHAPE, 8, 6, seed) for seed in (1, 2)]

    def validation_half(self):
        return [random_batch(SHAPE, 8, 6, seed) for seed in (3, 4)]

    def task(self, network):
        return _Classified(network)


class _Classified(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def training_step(self, batch, batch_index):
        return cross_entropy(self.network(batch), batch.label)
