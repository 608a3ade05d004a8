"""How a training went, epoch by epoch: kept in the trial's folder, whatever the host shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytorch_lightning as pl

from nni_nasplus.training.reporter import logged_metrics

__all__ = ["CURVE", "KeepCurve", "curve_in"]

CURVE = "curve.jsonl"
"""A line for each epoch, in a trial's folder."""


class KeepCurve(pl.Callback):
    """Writes a line of JSON after each epoch: its number from 1, ``train_loss`` where it is logged, and ``val_*``.

    Parameters
    ----------
    folder
        The trial's.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / CURVE

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget an earlier training of the folder, unless this one goes on from it."""
        if trainer.current_epoch == 0:
            self.path.unlink(missing_ok=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch."""
        metrics = {name: value for split in ("train_", "val_") for name, value in _logged(trainer, split).items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": trainer.current_epoch + 1, **metrics}) + "\n")


def _logged(trainer: pl.Trainer, prefix: str) -> dict[str, float]:
    return {prefix + name: value for name, value in logged_metrics(trainer, prefix).items()}


def curve_in(folder: Path) -> list[dict[str, float]]:
    """The epochs of :class:`KeepCurve` in order, each as it was trained last; none where nothing was kept.

    A line that is damaged, as the last one is after a crash, is left out: nothing but pictures depends on it.
    """
    path = folder / CURVE
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    epochs = {epoch["epoch"]: epoch for line in lines if (epoch := _epoch(line))}
    return [epochs[number] for number in sorted(epochs)]


def _epoch(line: str) -> dict[str, float] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    numbers = isinstance(found, dict) and all(isinstance(value, (int, float)) for value in found.values())
    return found if numbers and "epoch" in found else None
