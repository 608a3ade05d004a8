"""Classification of images as a Lightning module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from nni_nasplus.data.images.arrays import ImageBatch
from nni_nasplus.search.history import Direction
from nni_nasplus.training.predictions import Predicting, Predictions

__all__ = ["DIRECTIONS", "ImageClassifier", "measured"]

DIRECTIONS: Mapping[str, Direction] = {"accuracy": "maximize", "loss": "minimize"}


@runtime_checkable
class _DropsPaths(Protocol):
    """A network that leaves out more of its paths as training goes on."""

    def ramp_drop_path(self, progress: float) -> None:
        """Set how likely, as a fraction, 0 to 1, of what it is at the end."""


class ImageClassifier(Predicting):
    """Cross-entropy, SGD of momentum 0.9 under a cosine schedule to 0, as in DARTS (arXiv 1806.09055).

    Logs loss and accuracy. A network with ``ramp_drop_path`` is told at the start of each epoch which share of the
    epochs is over.

    Parameters
    ----------
    network
        Maps images [B, C, S, S] to logits [B, classes]; in training, maybe to a pair of them.
    classes
        How many.
    learning_rate
        At the first step.
    auxiliary_weight
        Of the loss of the second logits.
    """

    def __init__(
        self,
        network: nn.Module,
        classes: int,
        *,
        learning_rate: float = 0.025,
        weight_decay: float = 3e-4,
        auxiliary_weight: float = 0.4,
    ) -> None:
        super().__init__()
        self.network = network
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.auxiliary_weight = auxiliary_weight
        self.val_accuracy = MulticlassAccuracy(classes, average="micro")
        self.test_accuracy = MulticlassAccuracy(classes, average="micro")

    def forward(self, images: Tensor) -> Any:
        """Logits [B, classes], or a pair of them."""
        return self.network(images)

    def on_train_epoch_start(self) -> None:
        """Let the network drop more paths."""
        if isinstance(self.network, _DropsPaths):
            self.network.ramp_drop_path(self.current_epoch / (self.trainer.max_epochs or 1))

    def training_step(self, batch: ImageBatch, batch_index: int) -> Tensor:
        """The cross-entropy of a batch, with that of the second logits if there are any."""
        output = self(batch.images)
        logits, *second = output if isinstance(output, tuple) else (output,)
        loss = nn.functional.cross_entropy(logits, batch.label)
        for side in second:
            loss = loss + self.auxiliary_weight * nn.functional.cross_entropy(side, batch.label)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.label))
        return loss

    def validation_step(self, batch: ImageBatch, batch_index: int) -> None:
        """Log ``val_*``."""
        self._measure(batch, self.val_accuracy, "val")

    def test_step(self, batch: ImageBatch, batch_index: int) -> None:
        """Log ``test_*``."""
        self._measure(batch, self.test_accuracy, "test")

    def configure_optimizers(self) -> Any:
        """SGD; its learning rate falls at every step."""
        optimizer = torch.optim.SGD(self.parameters(), self.learning_rate, momentum=0.9, weight_decay=self.weight_decay)
        steps = max(1, int(self.trainer.estimated_stepping_batches))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _measure(self, batch: ImageBatch, accuracy: MulticlassAccuracy, split: str) -> None:
        logits = self(batch.images).float()
        self.saw(logits, batch.label)
        accuracy.update(logits, batch.label)
        loss = nn.functional.cross_entropy(logits, batch.label)
        self.log(f"{split}_loss", loss, on_epoch=True, batch_size=len(batch.label))
        self.log(f"{split}_accuracy", accuracy, on_step=False, on_epoch=True)


def measured(predictions: Predictions) -> dict[str, float]:
    """Loss and accuracy of predictions, as :class:`ImageClassifier` logs them."""
    logits, labels = torch.from_numpy(predictions.outputs), torch.from_numpy(predictions.labels)
    loss = nn.functional.cross_entropy(logits, labels)
    return {"accuracy": float((logits.argmax(-1) == labels).float().mean()), "loss": float(loss)}
