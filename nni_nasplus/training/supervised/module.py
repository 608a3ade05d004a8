"""Supervised learning as a Lightning module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from nni_nasplus.training.distillation.loss import Distilled
from nni_nasplus.training.predictions import Predicting, Predictions
from nni_nasplus.training.supervised.criteria import Criterion
from nni_nasplus.training.supervised.metrics import further_metric, metrics_of, usual_metrics, value_of

__all__ = ["Supervised", "measured"]


class Supervised(Distilled, Predicting):
    """AdamW with a one-cycle schedule; logs the loss, the usual metrics of its criterion, and the objective.

    The metrics of classes are ROC-AUC and F1, averaged over the classes, and accuracy over the examples; those of tags
    are averaged over the tags; those of a number RMSE, MAE and R². For two classes the average of the two
    one-against-rest areas is the ordinary ROC-AUC.

    Parameters
    ----------
    network
        Maps a batch to outputs [B, C].
    criterion
        What is minimised. What it weights in training counts alike in validation and test.
    learning_rate
        The peak of the schedule.
    weight_decay
        Of AdamW.
    objective
        What is logged too, see :mod:`nni_nasplus.training.supervised.metrics`.

    Raises
    ------
    UserError
        If there is no such objective.
    """

    def __init__(
        self,
        network: nn.Module,
        criterion: Criterion,
        *,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        objective: str = "loss",
    ) -> None:
        super().__init__()
        self.network = network
        self.criterion = criterion
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        metrics = metrics_of(criterion.family, criterion.outputs)
        self.val_metrics = metrics.clone(prefix="val_")
        self.test_metrics = metrics.clone(prefix="test_")
        self.objective = objective
        self.further = further_metric(objective, criterion.family, criterion.outputs)

    def forward(self, batch: Any) -> Tensor:
        """Outputs [B, C]."""
        return self.network(batch)

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        """The weighted loss of a batch, mixed with the distance to the teachers if there are any."""
        outputs = self(batch)
        loss = self.distilled(self.criterion.weighted(outputs, batch.label), outputs, batch.row)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.label))
        return loss

    def validation_step(self, batch: Any, batch_index: int) -> None:
        """Log ``val_*``."""
        self._measure(batch, "val")

    def test_step(self, batch: Any, batch_index: int) -> None:
        """Log ``test_*``."""
        self._measure(batch, "test")

    def configure_optimizers(self) -> Any:
        """AdamW under a one-cycle schedule over the whole training."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.learning_rate, total_steps=max(1, int(self.trainer.estimated_stepping_batches))
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _measure(self, batch: Any, split: Literal["val", "test"]) -> None:
        outputs = self(batch).float()
        self.saw(outputs, batch.label)
        self.log(f"{split}_loss", self.criterion(outputs, batch.label), on_epoch=True, batch_size=len(batch.label))
        metrics = self.val_metrics if split == "val" else self.test_metrics
        compared = self.criterion.compared(outputs, batch.label)
        metrics.update(*compared)
        self.log_dict(metrics, on_step=False, on_epoch=True)  # type: ignore[arg-type]
        if self.further is not None:
            self.further.update(*compared)
            self.log(f"{split}_{self.objective}", self.further, on_step=False, on_epoch=True)


def measured(
    predictions: Predictions, criterion: Criterion, objective: str, names: Sequence[str] | None = None
) -> dict[str, float]:
    """Metrics of predictions, as :class:`Supervised` logs them.

    Parameters
    ----------
    names
        Which; the loss, the usual ones and the objective if None.
    """
    outputs, labels = torch.from_numpy(predictions.outputs), torch.from_numpy(predictions.labels)
    compared = criterion.compared(outputs, labels)
    wanted = names or tuple(dict.fromkeys((*usual_metrics(criterion.family), objective, "loss")))
    return {
        name: float(criterion(outputs, labels))
        if name == "loss"
        else value_of(name, criterion.family, criterion.outputs, compared)
        for name in wanted
    }
