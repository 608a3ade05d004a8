"""Classification of images: the Lightning module and the evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.seed import isolate_rng
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from nni_nasplus.data.images.arrays import ImageBatch
from nni_nasplus.data.images.augmentation import Augmentation
from nni_nasplus.data.images.encoder import ImageEncoder
from nni_nasplus.data.images.module import ImageDataModule
from nni_nasplus.errors import UserError
from nni_nasplus.search.strategy import Direction
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.image_baselines import resnet20

__all__ = ["DIRECTIONS", "ImageClassification", "ImageClassifier"]

DIRECTIONS: Mapping[str, Direction] = {"accuracy": "maximize", "loss": "minimize"}


@runtime_checkable
class _DropsPaths(Protocol):
    """A network that leaves out more of its paths as training goes on."""

    def ramp_drop_path(self, progress: float) -> None:
        """Set how likely, as a fraction, 0 to 1, of what it is at the end."""


class ImageClassifier(pl.LightningModule):
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
        accuracy.update(logits, batch.label)
        loss = nn.functional.cross_entropy(logits, batch.label)
        self.log(f"{split}_loss", loss, on_epoch=True, batch_size=len(batch.label))
        self.log(f"{split}_accuracy", accuracy, on_step=False, on_epoch=True)


class ImageClassification(Evaluator):
    """Train and score classifiers of images; the defaults are those of DARTS on CIFAR-10, but for the epochs.

    Training never stops early, for the cosine schedule gains most at its end.

    Parameters
    ----------
    cache
        The folder that :func:`nni_nasplus.data.images.prepare_images` wrote.
    objective
        ``accuracy`` or ``loss``.
    learning_rate
        Where the cosine schedule begins.
    crop, flip, cutout
        See :class:`~nni_nasplus.data.images.Augmentation`.
    auxiliary_weight
        Of the loss of a network's auxiliary head.
    clip
        The most that the norm of a gradient is.

    Raises
    ------
    UserError
        If the objective is unknown, or a number of the augmentation is negative.
    """

    directions = DIRECTIONS

    def __init__(
        self,
        cache: str,
        *,
        objective: str = "accuracy",
        epochs: int = 10,
        batch_size: int = 96,
        learning_rate: float = 0.025,
        weight_decay: float = 3e-4,
        crop: int = 4,
        flip: bool = True,
        cutout: int = 0,
        auxiliary_weight: float = 0.4,
        clip: float = 5.0,
        seed: int = 0,
    ) -> None:
        if objective not in DIRECTIONS:
            raise UserError(f"unknown objective '{objective}'; choose one of {', '.join(DIRECTIONS)}")
        super().__init__(objective=objective, epochs=epochs, patience=epochs, seed=seed)
        self.cache = str(Path(cache).resolve())
        self.batch_size = batch_size
        self.gradient_clip = clip
        self.augmentation = Augmentation(crop, flip, cutout)
        self.training = {
            "learning_rate": learning_rate,
            "weight_decay": weight_decay,
            "auxiliary_weight": auxiliary_weight,
        }
        self.init_args = {
            "cache": self.cache,
            "objective": objective,
            "epochs": epochs,
            "batch_size": batch_size,
            **self.training,
            "crop": crop,
            "flip": flip,
            "cutout": cutout,
            "clip": clip,
            "seed": seed,
        }

    def data(self) -> ImageDataModule:
        """A fresh data module over the cache."""
        return ImageDataModule(self.cache, self.batch_size, self.augmentation, self.seed)

    def task(self, network: nn.Module) -> pl.LightningModule:
        """A classifier in training."""
        return ImageClassifier(network, self.preprocessing().shape.classes, **self.training)

    def preprocessing(self) -> ImageEncoder:
        """What was measured on the training images."""
        return ImageEncoder.load(self.cache)

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """A ResNet-20 of as many parameters as the winner."""
        with isolate_rng():
            torch.manual_seed(self.seed)
            return {"ResNet-20": resnet20(winner, self.preprocessing().shape)}
