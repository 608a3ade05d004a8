"""Trains a supernet as one of two processes by torchrun, each on images of its own, and leaves what it ends with."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import pytorch_lightning as pl
import torch
from one_shot_searches import SETTINGS, SMALLEST, Labelled
from te_nas_searches import NB201
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from nni_nasplus import registry
from nni_nasplus.one_shot.fit import made

RANK = int(os.environ.get("RANK", "0"))


class Shared(Labelled):
    """Each process has half of the images."""

    def train_dataloader(self):
        images = TensorDataset(self.pictures, self.labels)
        return DataLoader(images, self.batch, sampler=DistributedSampler(images, num_replicas=2, rank=RANK))

    validation_half = val_dataloader = train_dataloader


class Seen(pl.Callback):
    """What the training batches were."""

    def __init__(self):
        self.sums = []

    def on_train_batch_end(self, trainer, search, outputs, batch, number):
        self.sums.append(batch["train"][0].sum())


def main(name, folder):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    search = made(registry.load("one_shot", name), NB201, Shared(), seed=0, **SETTINGS.get(name, SMALLEST))
    quiet = {
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "logger": False,
        "enable_checkpointing": False,
    }
    several = {"devices": 2, "strategy": "ddp_find_unused_parameters_true", "use_distributed_sampler": False}
    seen = Seen()
    pl.Trainer(accelerator="cpu", max_epochs=search.epochs, callbacks=[seen], **several, **quiet).fit(search)
    weights = [parameter.detach() for parameter in search.parameters()]
    found = search.architectures().architectures
    torch.save({"weights": weights, "seen": seen.sums, "found": found}, Path(folder) / f"{RANK}.pt")


if __name__ == "__main__":
    main(*sys.argv[1:])
