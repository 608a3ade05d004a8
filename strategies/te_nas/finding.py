"""TE-NAS from a seed to an architecture."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger

from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.te_nas.networks import networks_of
from nni_nasplus.strategies.te_nas.search import TENAS
from nni_nasplus.training.reporter import Reporter

__all__ = ["TeNasSearch"]

_STEPS = 50
"""Between two checkpoints."""


class TeNasSearch:
    """Maps a seed to the architecture that :class:`TENAS` finds, on this machine's accelerator if it has one.

    On the CPU in one thread: its networks are so thin that several would mostly wait for each other.

    Parameters
    ----------
    space
        See :func:`~nni_nasplus.strategies.te_nas.networks.networks_of`.
    examples
        What batches are drawn from.
    directory
        Where TensorBoard finds the rounds, and an interrupted search its checkpoint; nothing is kept where None.
    reporter
        The host's: it hears of the rounds, and TensorBoard finds them in its folder too. Without one there is a
        progress bar, if a directory is given.
    settings
        Of :class:`TENAS`.
    """

    def __init__(
        self,
        space: Any,
        examples: Any,
        directory: Path | None = None,
        *,
        reporter: Reporter | None = None,
        **settings: Any,
    ) -> None:
        self.space = space
        self.examples = examples
        self.directory = directory
        self.reporter = reporter
        self.settings = settings

    def __call__(self, seed: int) -> Architecture:
        """The architecture; UserError where the space has no supernet, or a setting or the examples are refused."""
        search = TENAS(networks_of(self.space), self.examples, seed=seed, reporter=self.reporter, **self.settings)
        checkpoint = self.directory / "last.ckpt" if self.directory else None
        exists = checkpoint is not None and checkpoint.exists()
        with warnings.catch_warnings(), _one_thread():
            warnings.filterwarnings("ignore", "Using ModelCheckpoint with manual optimization")
            self._trainer().fit(search, ckpt_path=checkpoint if exists else None)
        if search.cuts:
            raise KeyboardInterrupt
        return search.architecture

    def _trainer(self) -> pl.Trainer:
        shown: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False}
        if self.directory is None:
            return pl.Trainer(max_epochs=-1, logger=False, enable_checkpointing=False, **shown)
        shown["enable_progress_bar"] = self.reporter is None
        kept = ModelCheckpoint(self.directory, save_last=True, save_top_k=0, every_n_train_steps=_STEPS)
        boards = [TensorBoardLogger(folder, name=None, version="") for folder in self._board_folders(self.directory)]
        return pl.Trainer(max_epochs=-1, logger=boards, callbacks=[kept], log_every_n_steps=1, **shown)

    def _board_folders(self, directory: Path) -> list[Path]:
        """Where TensorBoard files go; the host's folder begins with what an interrupted search left."""
        if self.reporter is None or self.reporter.output is None:
            return [directory]
        shown = self.reporter.output / "tensorboard"
        if directory.is_dir():
            shutil.copytree(directory, shown, ignore=shutil.ignore_patterns("*.ckpt"), dirs_exist_ok=True)
        return [directory, shown]


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
