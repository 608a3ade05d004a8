"""Small searches of any name, and who hears of them."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from te_nas_searches import NB201, SMALL, images
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus import registry
from nni_nasplus.errors import HostLost
from nni_nasplus.one_shot.fit import made

SETTINGS = {"tenas": {"repeats": 1, **SMALL}}
"""What makes a search small, by its name."""
SMALLEST = {"epochs": 3}
"""What makes any other small."""


class Labelled:
    """Stands in for an evaluator: 40 images of 3 classes in an order that torch draws."""

    def data(self):
        return self

    def train_dataloader(self):
        return DataLoader(TensorDataset(images(), torch.arange(40) % 3), 8, shuffle=True)

    def validation_half(self):
        return DataLoader(TensorDataset(-images(), torch.arange(40) % 3), 12, shuffle=True)

    def task(self, network):
        return Classified(network)

    val_dataloader = train_dataloader


class Classified(pl.LightningModule):
    """Cross-entropy of pairs of images and labels."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def training_step(self, batch, batch_index):
        images, labels = batch
        loss = cross_entropy(self.network(images), labels)
        self.log("train_loss", loss)
        return loss


class Host:
    """Hears of epochs; it is lost when it hears of a certain one."""

    def __init__(self, lost=0, output=None):
        self.output, self.lost, self.told = output, lost, []

    def intermediate(self, score, metrics):
        self.told.append({"score": score, **metrics})
        if len(self.told) == self.lost:
            raise HostLost

    def final(self, outcome):
        raise AssertionError("a search has no result to be ranked")


def small(name, seed=0, reporter=None, **settings):
    kind = registry.load("one_shot", name)
    return made(kind, NB201, Labelled(), seed=seed, reporter=reporter, **{**SETTINGS.get(name, SMALLEST), **settings})
