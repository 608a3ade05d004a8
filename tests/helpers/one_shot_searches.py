"""Small searches of any name, and who hears of them."""

from __future__ import annotations

import pytest
import pytorch_lightning as pl
import torch
from te_nas_searches import NB201, SMALL, images
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset
from toy_one_shot import Planted

from nni_nasplus import registry
from nni_nasplus.errors import HostLost
from nni_nasplus.networks.quantised.space import QuantisedSpace
from nni_nasplus.networks.supernet import MixedOperation
from nni_nasplus.one_shot.differentiable import Differentiable
from nni_nasplus.one_shot.fit import made

SMALLEST = {"epochs": 3}
SETTINGS = {
    "tenas": {"repeats": 1, **SMALL},
    "darts-pt": {"epochs": 1, "tuning": 1},
    "darts-es": {"epochs": 3, "least": 0.0, "back": 1, "window": 1, "rise": 1e9},
    "darts-plus": {"epochs": 3, "skips": 9},
    "p-darts": {"epochs": 3, "layers": []},
    "pc-darts": {"epochs": 3, "fraction": 2},
    "proxyless": {"epochs": 3, "every": 1, "warm_up": 0.0},
    "densenas": {"epochs": 3, "warm_up": 0.0},
    "fbnet": {"epochs": 3, "warm_up": 0.0},
    "enas": {"epochs": 3, "steps": 2, "paths": 3, "samples": 3, "batches": 2},
    "nat": {"epochs": 3, "steps": 2, "cells": 2, "rewritings": 2, "samples": 3, "batches": 2},
    "rsps": {"epochs": 3, "samples": 6, "batches": 2, "finalists": 2},
    "nsas": {"epochs": 3, "samples": 6, "batches": 2, "finalists": 2, "archive": 2},
    "spos": {"epochs": 3, "rounds": 2, "population": 4, "batches": 2},
    "fairnas": {"epochs": 3, "rounds": 2, "population": 4, "batches": 2},
    "bignas": {"epochs": 3, "rounds": 2, "population": 4, "batches": 2, "paths": 1},
    "attentivenas": {"epochs": 3, "rounds": 2, "population": 4, "batches": 2, "paths": 1, "pool": 6, "bins": 2},
    "setn": {"epochs": 3, "candidates": 3},
}
"""What makes a search small, by its name."""
BITS = QuantisedSpace.of(NB201, dict.fromkeys(NB201.search_space.decisions, "nor_conv_1x1"), [2, 8])
SPACES = {"edmips": BITS, "quantnas": BITS}
"""Those of searches that are not for NAS-Bench-201."""
DIFFERENTIABLE = [
    name for name in registry.available("one_shot") if issubclass(registry.load("one_shot", name), Differentiable)
]
OFTEN = ("darts", "p-darts", "spos", "toy")
"""Of each kind one, which every run of the fast tests looks at whole; others have a mark."""
LENGTHS = {"darts-pt": 7}
"""Epochs of those whose are not three."""


def named(names, mark):
    """The names as a parameter; those that are seldom run have a mark."""
    return pytest.mark.parametrize("name", [pytest.param(n, marks=[mark] * (n not in OFTEN)) for n in names])


class Labelled:
    """Stands in for an evaluator: 40 images of 3 classes in an order that torch draws."""

    def __init__(self, pictures=None, labels=None, batch=8):
        self.pictures = images() if pictures is None else pictures
        self.labels = torch.arange(40) % 3 if labels is None else labels
        self.batch = batch

    def data(self):
        return self

    def train_dataloader(self):
        return DataLoader(TensorDataset(self.pictures, self.labels), self.batch, shuffle=True)

    def validation_half(self):
        return DataLoader(TensorDataset(self.pictures, self.labels), self.batch + 4, shuffle=True)

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


class PlantedSpace:
    """One operation of its supernets hands on how bright an image is, and all others give noise.

    The answers of the network of that operation alone are the labels.
    """

    search_space = NB201.search_space

    def __init__(self, planted):
        self.planted, self.bias = planted, 0.0
        self.best = dict.fromkeys(NB201.search_space.decisions, planted)
        bright = images(count=400) + 3 * torch.randn(400, 3, 1, 1, generator=torch.Generator().manual_seed(0))
        self.bias = self.answers(bright).mean(0)
        self.evaluator = Labelled(bright, self.answers(bright).argmax(1), 400)

    def answers(self, bright):
        supernet = self.supernet().eval()
        with supernet.only(self.best), torch.no_grad():
            return supernet(bright)

    def build(self, architecture):
        return NB201.build(architecture)

    def example(self):
        return NB201.example()

    def supernet(self, *, fraction=1, **_):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            supernet = NB201.supernet(channels=3, stages=1, stem=False)
        for mixed in (module for module in supernet.modules() if isinstance(module, MixedOperation)):
            for name in supernet.operations:
                mixed.operations[name] = Planted(tells=name == self.planted)
        with torch.no_grad():
            supernet.net.classifier.bias -= self.bias
        return supernet


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


def space_of(name):
    """What a search of that name is tried on."""
    return SPACES.get(name, NB201)


def small(name, seed=0, reporter=None, space=None, **settings):
    kind = registry.load("one_shot", name)
    space = space_of(name) if space is None else space
    return made(kind, space, Labelled(), seed=seed, reporter=reporter, **{**SETTINGS.get(name, SMALLEST), **settings})
