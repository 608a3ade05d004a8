"""From a seed to the architectures that a search inside one trial finds: made, fitted, resumed and shown."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.seed import isolate_rng

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.one_shot.one_shot import HasData, OneShot
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.training.quiet import quiet_lightning
from nni_nasplus.training.reporter import LogReporter, Reporter

__all__ = ["fit", "made"]

Search = TypeVar("Search", bound=OneShot)


def made(
    kind: type[Search],
    space: NetworkSpace,
    evaluator: HasData,
    *,
    seed: int = 0,
    reporter: Reporter | None = None,
    **settings: Any,
) -> Search:
    """A search of a space: a function of the seed, the data and the settings; torch's global generator stays.

    Parameters
    ----------
    kind
        Such as ``registry.load("one_shot", "tenas")``.
    settings
        See ``kind.of``.

    Raises
    ------
    UserError
        If the space has no supernet, or a setting or the data are refused.
    """
    known = inspect.signature(kind.of).parameters.values()
    names = [parameter.name for parameter in known if parameter.kind is parameter.KEYWORD_ONLY]
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known) and set(settings) - set(names):
        unknown = next(name for name in settings if name not in names)
        raise UserError(f"{kind.__name__} has no setting '{unknown}'; its settings: {', '.join(names)}")
    with isolate_rng():
        torch.manual_seed(seed)
        return kind.of(space, evaluator, seed=seed, reporter=reporter, **settings)


def fit(search: OneShot, directory: Path | None = None) -> Ranking:
    """What a search finds, on this machine's accelerator if it has one; torch's global generator stays.

    What torch's generator draws in between, such as dropout and the order of examples, is a function of the seed and
    the epoch. On the CPU it runs in one thread, where the search says so: thin networks would make several mostly wait
    for each other.

    Parameters
    ----------
    directory
        Where TensorBoard finds the rounds, and an interrupted search its checkpoint; nothing is kept where None. If the
        search has a host's reporter, TensorBoard finds them in the host's folder too; without one there is a progress
        bar.

    Raises
    ------
    UserError
        If the data are refused, or the directory has the checkpoint of a search with other settings.
    KeyboardInterrupt
        If it was interrupted.
    """
    checkpoint = directory / "last.ckpt" if directory else None
    exists = checkpoint is not None and checkpoint.exists()
    with quiet_lightning(), _threads(search.threads), isolate_rng():
        trainer = _trainer(search, directory)
        trainer.fit(search, ckpt_path=checkpoint if exists else None)
    if trainer.interrupted:
        raise KeyboardInterrupt
    return search.architectures()


class _SeededEpochs(Callback):
    """Makes what torch's generator draws in an epoch a function of the seed and the epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Seed it."""
        assert isinstance(pl_module, OneShot)
        words = np.random.SeedSequence([pl_module.seed, trainer.current_epoch]).generate_state(1, np.uint64)
        torch.manual_seed(int(words[0]) >> 1)


class _KeptRoad(Callback):
    """Leaves the road in the folder of the search after each epoch."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it, where the search has one."""
        assert isinstance(pl_module, OneShot)
        if pl_module.road.stages and trainer.is_global_zero:
            pl_module.road.save(self._directory)


def _trainer(search: OneShot, directory: Path | None) -> pl.Trainer:
    shown: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False, "max_epochs": search.epochs}
    shown["devices"] = 1  # of several Lightning would start this command once more for each
    seeded = _SeededEpochs()
    if directory is None:
        return pl.Trainer(logger=False, enable_checkpointing=False, callbacks=[seeded], **shown)
    shown["enable_progress_bar"] = isinstance(search.reporter, LogReporter)
    kept = ModelCheckpoint(directory, save_last=True, save_top_k=0, every_n_train_steps=search.checkpoint_steps)
    boards = [TensorBoardLogger(folder, name=None, version="") for folder in _board_folders(search.reporter, directory)]
    return pl.Trainer(logger=boards, callbacks=[seeded, kept, _KeptRoad(directory)], log_every_n_steps=1, **shown)


def _board_folders(reporter: Reporter, directory: Path) -> list[Path]:
    """Where TensorBoard files go; the host's folder begins with what an interrupted search left."""
    if reporter.output is None:
        return [directory]
    shown = reporter.output / "tensorboard"
    if directory.is_dir():
        shutil.copytree(directory, shown, ignore=shutil.ignore_patterns("*.ckpt"), dirs_exist_ok=True)
    return [directory, shown]


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
