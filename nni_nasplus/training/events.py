"""The evaluator of event-sequence classification."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from operator import attrgetter
from pathlib import Path

import pytorch_lightning as pl
from torch import nn

from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.training.classification import DIRECTIONS, Classifier
from nni_nasplus.training.distillation.teachers import Examples
from nni_nasplus.training.evaluator import Evaluator

__all__ = ["EventClassification"]


@dataclass(frozen=True)
class EventClassification(Evaluator):
    """Train and score classifiers of event sequences; :class:`~nni_nasplus.training.evaluator.Evaluator` has the rest.

    Parameters
    ----------
    cache
        The folder that :func:`nni_nasplus.data.events.preparation` wrote.
    objective
        ``roc_auc``, ``accuracy``, ``f1`` or ``loss``.
    batch_size
        The most users of a batch.
    learning_rate
        The peak of the one-cycle schedule.

    Raises
    ------
    UserError
        If the objective or a setting of the distillation is unknown.
    """

    directions = DIRECTIONS

    cache: str
    _: KW_ONLY
    objective: str = "roc_auc"
    epochs: int = 10
    patience: int | None = 5
    batch_size: int = 128
    learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "cache", str(Path(self.cache).resolve()))

    def data(self) -> pl.LightningDataModule:
        """A fresh data module over the cache."""
        return EventDataModule(self.cache, batch_size=self.batch_size, seed=self.seed)

    def task(self, network: nn.Module) -> pl.LightningModule:
        """A classifier weighted by the training classes."""
        weights = EventDataModule(self.cache).class_weights
        return Classifier(network, weights, learning_rate=self.learning_rate)

    def examples(self) -> Examples:
        """The training users, named by their rows in the cache."""
        data = EventDataModule(self.cache, batch_size=self.batch_size)
        return Examples(data.arrays.rows("train"), data.shape.n_classes, data.ordered("train"), attrgetter("row"))

    def preprocessing(self) -> EventEncoder:
        """The encoder that was fitted on the training users."""
        return EventEncoder.load(self.cache)
