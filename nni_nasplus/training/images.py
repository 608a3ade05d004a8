"""The evaluator of image classification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import pytorch_lightning as pl
from torch import nn
from torch.utils.data import DataLoader

from nni_nasplus.data.images.arrays import ImageBatch
from nni_nasplus.data.images.augmentation import Augmentation
from nni_nasplus.data.images.encoder import ImageEncoder
from nni_nasplus.data.images.module import ImageDataModule
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.image_classifier import DIRECTIONS, ImageClassifier, measured
from nni_nasplus.training.predictions import Predictions
from nni_nasplus.training.rates import require_rates

__all__ = ["ImageClassification"]


@dataclass(frozen=True)
class ImageClassification(Evaluator):
    """Train and score classifiers of images; :class:`~nni_nasplus.training.evaluator.Evaluator` has the rest.

    The defaults are those of DARTS on CIFAR-10 (arXiv 1806.09055), but for the epochs. By default training never stops
    early, for the cosine schedule gains most at its end.

    Parameters
    ----------
    cache
        The folder that :func:`nni_nasplus.data.images.prepare_images` wrote.
    objective
        ``accuracy`` or ``loss``.
    batch_size
        The most images of a batch.
    learning_rate
        Where the cosine schedule begins.
    weight_decay
        Of SGD.
    crop, flip, cutout
        See :class:`~nni_nasplus.data.images.Augmentation`.
    auxiliary_weight
        Of the loss of a network's auxiliary head.

    Raises
    ------
    UserError
        If the objective is unknown, a rate is out of range, or a number of the augmentation is negative.
    """

    directions = DIRECTIONS
    hyperparameters = ("learning_rate", "weight_decay")

    cache: str
    _: KW_ONLY
    objective: str = "accuracy"
    epochs: int = 10
    batch_size: int = 96
    learning_rate: float = 0.025
    weight_decay: float = 3e-4
    crop: int = 4
    flip: bool = True
    cutout: int = 0
    auxiliary_weight: float = 0.4
    clip: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_rates(self)
        object.__setattr__(self, "cache", str(Path(self.cache).resolve()))
        self._augmentation()  # it checks its numbers, before there is any data

    def data(self) -> ImageDataModule:
        """A fresh data module over the cache."""
        return ImageDataModule(self.cache, self.batch_size, self._augmentation(), self.seed)

    def validation_half(self) -> DataLoader[ImageBatch]:
        """Validation images, shuffled and augmented anew in each pass."""
        return ImageDataModule(
            self.cache, self.batch_size, self._augmentation(), self.seed, ("val",)
        ).train_dataloader()

    def refit_data(self) -> ImageDataModule:
        """A fresh data module that trains on training and validation images."""
        return ImageDataModule(self.cache, self.batch_size, self._augmentation(), self.seed, ("train", "val"))

    def task(self, network: nn.Module) -> pl.LightningModule:
        """A classifier in training."""
        return ImageClassifier(
            network,
            self.preprocessing().shape.classes,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            auxiliary_weight=self.auxiliary_weight,
        )

    def measure(self, predictions: Predictions, names: Sequence[str] | None = None) -> dict[str, float]:
        """Loss and accuracy of predictions."""
        return measured(predictions)

    def preprocessing(self) -> ImageEncoder:
        """What was measured on the training images."""
        return ImageEncoder.load(self.cache)

    def _augmentation(self) -> Augmentation:
        return Augmentation(self.crop, self.flip, self.cutout)
