"""Classification of sequences as a Lightning module."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from nni_nasplus.training.distillation.loss import Distilled
from nni_nasplus.training.metrics import further_metric, metrics_of
from nni_nasplus.training.predictions import Predicting, Predictions

__all__ = ["Classifier", "measured"]


class Classifier(Distilled, Predicting):
    """Cross-entropy, AdamW with a one-cycle schedule; logs loss, ROC-AUC, accuracy, F1 and the objective.

    ROC-AUC and F1 are averaged over the classes, accuracy over the examples. For two classes the average of
    the two one-against-rest areas is the ordinary ROC-AUC.

    Parameters
    ----------
    network
        Maps a batch to logits [B, C].
    class_weights
        [C], in the cross-entropy of training, ones for none; validation and test losses are never weighted.
    learning_rate
        The peak of the schedule.
    weight_decay
        Of AdamW.
    objective
        What is logged too, see :mod:`nni_nasplus.training.metrics`.

    Raises
    ------
    UserError
        If there is no such objective.
    """

    class_weights: Tensor

    def __init__(
        self,
        network: nn.Module,
        class_weights: Tensor,
        *,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        objective: str = "loss",
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        metrics = metrics_of(len(class_weights))
        self.val_metrics = metrics.clone(prefix="val_")
        self.test_metrics = metrics.clone(prefix="test_")
        self.objective = objective
        self.further = further_metric(objective, len(class_weights))

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
        logits = self(batch).float()
        self.saw(logits, batch.label)
        loss = nn.functional.cross_entropy(logits, batch.label)
        self.log(f"{split}_loss", loss, on_epoch=True, batch_size=len(batch.label))
        metrics = self.val_metrics if split == "val" else self.test_metrics
        metrics.update(logits.softmax(-1), batch.label)
        self.log_dict(metrics, on_step=False, on_epoch=True)  # type: ignore[arg-type]
        if self.further is not None:
            self.further.update(logits.softmax(-1), batch.label)
            self.log(f"{split}_{self.objective}", self.further, on_step=False, on_epoch=True)


def measured(predictions: Predictions, objective: str) -> dict[str, float]:
    """Loss, ROC-AUC, accuracy, F1 and the objective of predictions, as :class:`Classifier` logs them."""
    logits, labels = torch.from_numpy(predictions.logits), torch.from_numpy(predictions.labels)
    probabilities, classes = logits.softmax(-1), logits.shape[1]
    metrics = dict(metrics_of(classes)(probabilities, labels))
    further: Metric | None = further_metric(objective, classes)
    if further is not None:
        metrics[objective] = further(probabilities, labels)
    metrics["loss"] = nn.functional.cross_entropy(logits, labels)
    return {name: float(value) for name, value in metrics.items()}
