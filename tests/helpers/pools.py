"""Small spaces to score pools of architectures from, and runs to score them for."""

from __future__ import annotations

import numpy as np
import torch
from small_networks import generator

from nni_nasplus import SearchSpace
from nni_nasplus.data.images import ImageBatch
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.spaces.densenas import DenseNasSpace
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space
from nni_nasplus.spaces.mobile import MobileSpace
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, EnasRecurrentSpace, RecurrentCellSpace

GRID = SearchSpace({f"d{i}": list(range(4)) for i in range(5)})
NB201 = NasBench201Space(channels=4, cells=1, size=8)
SPACES = {
    "nb201": NB201,
    "darts": DartsSpace(channels=2, layers=2, size=8),
    "mobile": MobileSpace(channels=8, depth=2, size=8),
    "densenas": DenseNasSpace(channels=4, depth=1, size=8),
    "events": EventSequenceSpace(max_length=9, hidden=4),
    "rnn": RecurrentCellSpace(30, 8, 10, 1),
    "darts-rnn": DartsRecurrentSpace(30, 8, 1),
    "enas-rnn": EnasRecurrentSpace(30, 8),
}


def sampled(space, count, seed=0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


class Data:
    """Stands in for an evaluator and its data module."""

    def __init__(self, batches):
        self.batches = batches

    def data(self):
        return self

    def train_dataloader(self):
        return self.batches


def pictures(count=40):
    return torch.randn(count, 3, 8, 8, generator=generator(5))


def run_of(directory, space=NB201, batches=None, **settings):
    """A run whose space and data are in memory."""
    run = Run(directory, Settings(seed=3, **settings))
    batches = [ImageBatch(pictures(), torch.arange(40) % 10)] if batches is None else batches
    run.__dict__.update(space=space, evaluator=Data(batches))
    return run
