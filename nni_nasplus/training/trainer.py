"""The Lightning trainers of an evaluator: one device, nothing on the terminal, and what becomes of the best epoch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger

from nni_nasplus.search.history import Direction
from nni_nasplus.training.reporter import Reporter

__all__ = ["BEST", "best_epoch", "early_stopping", "quiet_arguments", "restore_best", "share_cores", "training_trainer"]

BEST = "best.ckpt"
"""The weights of the best epoch so far, in the trial's folder."""


def share_cores(trials: int) -> None:
    """Give torch this machine's cores divided by the trials that run at a time: threads that wait for each other's
    cores make training many times slower."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // trials))


def quiet_arguments() -> dict[str, Any]:
    """Trainer arguments shared by every run: one device, its fastest safe precision, nothing on the terminal."""
    mixed = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return {
        "accelerator": "auto",
        "devices": 1,
        "precision": "bf16-mixed" if mixed else "32-true",
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "deterministic": "warn",
    }


def training_trainer(directory: Path, reporter: Reporter, callbacks: list[pl.Callback], **options: Any) -> pl.Trainer:
    """A trainer that works in a trial's folder and shows its curves where the reporter has a place for them."""
    return pl.Trainer(
        callbacks=callbacks,
        logger=TensorBoardLogger(reporter.output, name="tensorboard", version="") if reporter.output else False,
        default_root_dir=directory,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        **options,
        **quiet_arguments(),
    )


class _BestEpoch(ModelCheckpoint):
    """Lightning's, but that goes on in a folder that was moved: it knows still how good the best epoch was."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take its one file for the one that lies here; where the path differs, Lightning forgets the score."""
        here = str(Path(str(self.dirpath)) / BEST)
        paths = {"dirpath": self.dirpath, "best_model_path": here, "kth_best_model_path": here}
        scores = state_dict["best_k_models"].values()
        super().load_state_dict({**state_dict, **paths, "best_k_models": dict.fromkeys([here] * len(scores), *scores)})


def best_epoch(directory: Path, objective: str, direction: Direction) -> ModelCheckpoint:
    """Keeps the weights of the epoch with the best validation score."""
    return _BestEpoch(
        directory,
        filename=Path(BEST).stem,
        monitor=f"val_{objective}",
        mode=_mode(direction),
        save_weights_only=True,
        enable_version_counter=False,
    )


def early_stopping(objective: str, direction: Direction, patience: int) -> EarlyStopping:
    """Ends a training after so many epochs without improvement."""
    return EarlyStopping(f"val_{objective}", mode=_mode(direction), patience=patience, check_finite=False)


def restore_best(task: pl.LightningModule, directory: Path) -> int:
    """Go back to the weights of the best epoch, and say which it is, from 1."""
    kept = torch.load(directory / BEST, weights_only=True, map_location="cpu")
    task.load_state_dict(kept["state_dict"])
    epoch: int = kept["epoch"]
    return epoch + 1


def _mode(direction: Direction) -> str:
    return "max" if direction == "maximize" else "min"
