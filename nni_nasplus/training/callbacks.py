"""The Lightning callback that tells the host how training goes."""

from __future__ import annotations

import pytorch_lightning as pl

from nni_nasplus.training.reporter import Reporter, require_finite

__all__ = ["ReportMetrics", "logged_metrics"]


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
        """Send the epoch's metrics.

        Raises
        ------
        TrialFailed
            If one of them is NaN or infinite.
        """
        if trainer.sanity_checking:
            return
        metrics = logged_metrics(trainer, "val_")
        require_finite(metrics, f"after epoch {trainer.current_epoch + 1}")
        self.reporter.intermediate(metrics[self.objective], metrics)


def logged_metrics(trainer: pl.Trainer, prefix: str) -> dict[str, float]:
    """The metrics last logged under a prefix, without it."""
    return {
        name.removeprefix(prefix): float(value)
        for name, value in trainer.callback_metrics.items()
        if name.startswith(prefix)
    }
