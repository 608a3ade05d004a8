"""Small searches of TE-NAS that record their scores."""

from __future__ import annotations

import pytorch_lightning as pl
import torch

from nni_nasplus.proxies import random_batch
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space
from nni_nasplus.strategies.te_nas import TENAS, networks_of

NB201 = NasBench201Space(channels=2, cells=1, classes=3, size=6)
DARTS = DartsSpace(channels=2, layers=3, classes=3, size=6, drop_path=0.0)
SMALL = {"kernel_examples": 4, "region_examples": 30}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(space=NB201, count=40):
    return random_batch(space, count, generator())


def made(space=NB201, **options):
    return Recorded(networks_of(space), images(space), **{**SMALL, **options})


def trained(search, **options):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    checkpoints = {"enable_checkpointing": "callbacks" in options}
    pl.Trainer(**{"max_epochs": -1, **quiet, **checkpoints, **options}).fit(search, ckpt_path=None)
    return search


class Recorded(TENAS):
    """Keeps the scores of each step, and what is alive after each round."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.history = []
        self.alive = []

    def _score(self):
        super()._score()
        self.history.append((self.round, self._scores[-1]))

    def on_train_epoch_end(self):
        super().on_train_epoch_end()
        self.alive.append([len(self.kernel.alive(edge)) for edge in self.kernel.edges])
