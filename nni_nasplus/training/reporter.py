"""What a trial tells its host, and the Lightning callbacks that have it told, and kept, how training goes."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytorch_lightning as pl

from nni_nasplus.errors import TrialFailed
from nni_nasplus.search.trial import Outcome
from nni_nasplus.training.trial_folder import CURVE, curve_in

__all__ = [
    "Continuing",
    "KeepCurve",
    "LogReporter",
    "ReportMetrics",
    "Reporter",
    "logged_metrics",
    "require_finite",
]

logger = logging.getLogger(__name__)


class Reporter(Protocol):
    """The host's side of a trial."""

    @property
    def output(self) -> Path | None:
        """Where the host looks for the trial's TensorBoard files and exported model; None for nowhere."""

    def intermediate(self, score: float, metrics: Mapping[str, float]) -> None:
        """Report what has been reached so far: the objective, and whatever else is known, such as the ``epoch``."""

    def final(self, outcome: Outcome) -> None:
        """Report how it ended, once."""


class LogReporter:
    """Reports to the Python log where there is no host."""

    output: Path | None = None

    def intermediate(self, score: float, metrics: Mapping[str, float]) -> None:
        """Log at debug level."""
        logger.debug("intermediate %s %s", score, dict(metrics))

    def final(self, outcome: Outcome) -> None:
        """Log at info level."""
        logger.info("final %s", outcome)


def require_finite(metrics: Mapping[str, float], when: str) -> None:
    """Raise :class:`TrialFailed` naming the first NaN or infinite metric."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise TrialFailed(f"{name} is {value} {when}: training diverged")


class Continuing:
    """Reports of a training that goes on, with what came before: its host has a trial of its own for each part.

    Before the first epoch that it hears of it reports those that are kept in the folder, so that every part shows the
    curve from its beginning.

    Parameters
    ----------
    reporter
        Whom to tell.
    folder
        The trial's, which has its curve.
    objective
        The metric that scores.
    """

    def __init__(self, reporter: Reporter, folder: Path, objective: str) -> None:
        self._reporter, self._folder, self._objective = reporter, folder, objective
        self._is_told = False

    @property
    def output(self) -> Path | None:
        """That of whom it tells."""
        return self._reporter.output

    def intermediate(self, score: float, metrics: Mapping[str, float]) -> None:
        """Report it, and first what came before it."""
        if not self._is_told:
            self._is_told = True
            name = f"val_{self._objective}"
            for epoch in curve_in(self._folder):
                if name in epoch and epoch["epoch"] < metrics.get("epoch", 1):
                    self._reporter.intermediate(epoch[name], _measured(epoch))
        self._reporter.intermediate(score, metrics)

    def final(self, outcome: Outcome) -> None:
        """Report it."""
        self._reporter.final(outcome)


def _measured(epoch: Mapping[str, float]) -> dict[str, float]:
    """The metrics of validation of an epoch, and its number, as they were reported."""
    return {n.removeprefix("val_"): value for n, value in epoch.items() if n == "epoch" or n.startswith("val_")}


class ReportMetrics(pl.Callback):
    """Report every logged ``val_*`` metric to the host after each validation epoch.

    Parameters
    ----------
    objective
        The metric, without ``val_``, that is the score.
    reporter
        The host's reporter.
    """

    def __init__(self, objective: str, reporter: Reporter) -> None:
        self.objective = objective
        self.reporter = reporter

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Send the epoch's metrics, and its number from 1: training may go on from an earlier part.

        Raises
        ------
        TrialFailed
            If one of them is NaN or infinite.
        """
        if trainer.sanity_checking:
            return
        metrics = logged_metrics(trainer, "val_")
        require_finite(metrics, f"after epoch {trainer.current_epoch + 1}")
        self.reporter.intermediate(metrics[self.objective], {**metrics, "epoch": trainer.current_epoch + 1.0})


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


def logged_metrics(trainer: pl.Trainer, prefix: str) -> dict[str, float]:
    """The metrics last logged under a prefix, without it."""
    return {
        name.removeprefix(prefix): float(value)
        for name, value in trainer.callback_metrics.items()
        if name.startswith(prefix)
    }
