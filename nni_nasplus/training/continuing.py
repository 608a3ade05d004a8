"""Training that ends after a part of its schedule, and goes on from there another time."""

from __future__ import annotations

import logging
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint

from nni_nasplus._files import damage_named, new_file
from nni_nasplus.errors import UserError
from nni_nasplus.training.trial_folder import LAST

__all__ = ["Ending", "Part"]

logger = logging.getLogger(__name__)

VERSION = 2
"""Of what a checkpoint has beside Lightning's own."""


class Ending(pl.Callback):
    """Ends training for good after so many epochs of its schedule, 1 or more."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End where enough epochs are over."""
        trainer.should_stop = trainer.should_stop or trainer.current_epoch + 1 >= self.epochs


class Part(Checkpoint):
    """Ends training after so many epochs of its schedule, and leaves in a folder all that it takes to go on.

    It leaves that after every epoch, so that a training which is killed repeats but the epoch that it was in.
    Training that goes on from there, with a :class:`Part` of more epochs, ends with the same weights as training
    without a break, on a CPU to the last bit. Lightning's checkpoint has weights, optimiser, schedule, early stopping
    and the best epoch; the states of torch's generators, which draw dropout, are added here. It is a Lightning
    ``Checkpoint`` because Lightning asks those after early stopping, whose end is final.

    Parameters
    ----------
    folder
        Where ``last.ckpt`` is left, unless the schedule or early stopping has ended training for good.
    epochs
        How many of the schedule's epochs are over then, counted from its beginning, 1 or more. Where more are over
        already there is no training at all.
    schedule
        How many epochs the schedule has: what was left by another one is nothing to go on from.
    """

    def __init__(self, folder: Path, epochs: int, schedule: int) -> None:
        self.path, self.epochs, self.schedule = folder / LAST, epochs, schedule
        self.unfinished = False
        self._generators: dict[str, Any] = {}
        self._began = 0

    @property
    def left(self) -> Path | None:
        """What an earlier part left to go on from; None where there is nothing, or nothing that can be read.

        What cannot is named in a warning of the log: training begins anew then.
        """
        if not self.path.is_file():
            return None
        try:
            with damage_named(self.path), zipfile.ZipFile(self.path):
                kept = torch.load(self.path, map_location="cpu", weights_only=True, mmap=True)
                state = kept["callbacks"][self.state_key]
                version, schedule = state["version"], state.get("schedule", self.schedule)
        except (UserError, zipfile.BadZipFile, pickle.UnpicklingError, EOFError, OSError):
            logger.warning("%s is damaged; training begins anew", self.path)
            return None
        if version != VERSION:
            logger.warning("%s has format %s, this release reads %s; training begins anew", self.path, version, VERSION)
            return None
        if schedule != self.schedule:
            logger.warning("%s is of %s epochs, not %s; training begins anew", self.path, schedule, self.schedule)
            return None
        return self.path

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on with the generators, and end at once where enough epochs are over already."""
        if self._generators:
            torch.set_rng_state(self._generators["cpu"])
            if self._generators["cuda"]:
                torch.cuda.set_rng_state_all(self._generators["cuda"])
        self._began = trainer.current_epoch
        self._end_after(self._began, trainer)
        if self._generators and not self.unfinished:
            # An epoch begins with an iterator of the loader, for which torch draws a seed; the first one that Lightning
            # goes on with has its iterator since before the generators were set back.
            iter(trainer.train_dataloader)  # type: ignore[arg-type]

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave a checkpoint of the epoch before; as that one ends, Lightning has not yet counted it as over."""
        if trainer.current_epoch > self._began:
            with _between_epochs(trainer):
                self._save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End where enough epochs are over; early stopping has had its say."""
        if not trainer.should_stop:
            self._end_after(trainer.current_epoch + 1, trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the checkpoint of the last epoch, unless nothing is left to go on with."""
        if self.unfinished:
            self._save(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The states of torch's generators, and the format and the schedule of the checkpoint."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {"version": VERSION, "schedule": self.schedule, "cpu": torch.get_rng_state(), "cuda": cuda}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember them until training starts."""
        self._generators = state_dict

    def _save(self, trainer: pl.Trainer) -> None:
        with new_file(self.path) as partial:
            trainer.save_checkpoint(partial)

    def _end_after(self, over: int, trainer: pl.Trainer) -> None:
        self.unfinished = self.epochs <= over < (trainer.max_epochs or 0)
        trainer.should_stop = trainer.should_stop or self.unfinished


@contextmanager
def _between_epochs(trainer: pl.Trainer) -> Iterator[None]:
    """Let a checkpoint say that the next epoch is not ready: Lightning would take it for half over."""
    progress = trainer.fit_loop.epoch_progress
    counts = (progress.total, progress.current)
    for count in counts:
        count.ready -= 1
    try:
        yield
    finally:
        for count in counts:
            count.ready += 1
