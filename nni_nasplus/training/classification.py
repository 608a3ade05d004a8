"""Classification of sequences as a Lightning module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC, MulticlassF1Score

from nni_nasplus.search.history import Direction
from nni_nasplus.training.distillation.loss import Distilled

__all__ = ["DIRECTIONS", "Classifier"]

DIRECTIONS: Mapping[str, Direction] = {
    "roc_auc": "maximize",
    "accuracy": "maximize",
    "f1": "maximize",
    "loss": "minimize",
}


class Classifier(Distilled, pl.LightningModule):
    """Weighted cross-entropy, AdamW with a one-cycle schedule; logs loss, ROC-AUC, accuracy and F1.

    ROC-AUC and F1 are averaged over the classes, accuracy over the examples. For two classes the average of
    the two one-against-rest areas is the ordinary ROC-AUC.

    Parameters
    ----------
    network
        Maps a batch to logits [B, C].
    class_weights
        [C], in the cross-entropy of training; validation and test losses are not weighted.
    learning_rate
        The peak of the schedule.
    """

    class_weights: Tensor

    def __init__(
        self, network: nn.Module, class_weights: Tensor, *, learning_rate: float = 3e-3, weight_decay: float = 1e-2
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        metrics = _metrics(len(class_weights))
        self.val_metrics = metrics.clone(prefix="val_")
        self.test_metrics = metrics.clone(prefix="test_")

    def forward(self, batch: Any) -> Tensor:
        """Logits [B, C]."""
        return self.network(batch)

    def training_step(self, batch: Any, batch_index: int) -> Tensor:
        """The weighted cross-entropy of a batch, mixed with the distance to the teachers if there are any."""
        logits = self(batch)
        loss = nn.functional.cross_entropy(logits, batch.label, weight=self.class_weights)
        loss = self.distilled(loss, logits, batch.row)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.label))
        return loss

    def validation_step(self, batch: Any, batch_index: int) -> None:
        """Log ``val_*``."""
        self._measure(batch, self.val_metrics, "val_loss")

    def test_step(self, batch: Any, batch_index: int) -> None:
        """Log ``test_*``."""
        self._measure(batch, self.test_metrics, "test_loss")

    def configure_optimizers(self) -> Any:
        """AdamW under a one-cycle schedule over the whole training."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.learning_rate, total_steps=max(1, int(self.trainer.estimated_stepping_batches))
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _measure(self, batch: Any, metrics: MetricCollection, loss_name: str) -> None:
        logits = self(batch).float()
        loss = nn.functional.cross_entropy(logits, batch.label)
        self.log(loss_name, loss, on_epoch=True, batch_size=len(batch.label))
        metrics.update(logits.softmax(-1), batch.label)
        self.log_dict(metrics, on_step=False, on_epoch=True)  # type: ignore[arg-type]


def _metrics(n_classes: int) -> MetricCollection:
    return MetricCollection(
        {
            "roc_auc": MulticlassAUROC(n_classes, average="macro"),
            "accuracy": MulticlassAccuracy(n_classes, average="micro"),
            "f1": MulticlassF1Score(n_classes, average="macro"),
        }
    )
