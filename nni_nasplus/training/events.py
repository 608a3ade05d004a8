"""The evaluator of event-sequence classification."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from operator import attrgetter
from pathlib import Path
from typing import Literal

import pytorch_lightning as pl
import torch
from torch import nn

from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.errors import UserError
from nni_nasplus.search.history import Direction
from nni_nasplus.training.classification import Classifier, measured
from nni_nasplus.training.distillation.teachers import Examples
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.metrics import direction_of
from nni_nasplus.training.predictions import Predictions

__all__ = ["CLASS_WEIGHTS", "EventClassification", "schedule_of"]

CLASS_WEIGHTS = ("none", "balanced")


_STEPS = 40
"""Steps of an epoch that a schedule wants: with six, as of few users in batches of 128, networks hardly learn, and with
two hundred those of a few thousand users learn by heart."""
_FEW = 400
"""Training users below which ten epochs are too few steps even of the smallest batches."""


def schedule_of(users: int) -> dict[str, int]:
    """The size of batches and the epochs for so many training users.

    The batch is a power of 2 from 16 to 128.
    """
    batch = 2 ** round(math.log2(max(1.0, users / _STEPS)))
    return {"batch_size": min(128, max(16, batch)), "epochs": 20 if users < _FEW else 10}


@dataclass(frozen=True)
class EventClassification(Evaluator):
    """Train and score classifiers of event sequences; :class:`~nni_nasplus.training.evaluator.Evaluator` has the rest.

    Parameters
    ----------
    cache
        The folder that :func:`nni_nasplus.data.events.preparation` wrote.
    objective
        ``roc_auc``, ``accuracy``, ``f1``, ``average_precision``, ``brier``, ``kappa`` (of ordered classes, quadratic),
        ``loss``, or the import path of a metric of torchmetrics.
    batch_size
        The most users of a batch.
    learning_rate
        The peak of the one-cycle schedule.
    weight_decay
        Of AdamW.
    class_weights
        ``none``, or ``balanced``: each class counts in the loss by the inverse of its frequency, so that all count
        alike. That helps where rare classes matter as such; of rare classes it makes noise.

    Raises
    ------
    UserError
        If the objective, the class weights, a rate or a setting of the distillation is unknown.
    """

    hyperparameters = ("learning_rate", "weight_decay", "class_weights")

    cache: str
    _: KW_ONLY
    objective: str = "roc_auc"
    epochs: int = 10
    patience: int | None = 5
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    class_weights: Literal["none", "balanced"] = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_weights not in CLASS_WEIGHTS:
            raise UserError(f"unknown class weights '{self.class_weights}'; use {' or '.join(CLASS_WEIGHTS)}")
        for name, is_least_allowed in (("learning_rate", False), ("weight_decay", True)):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or value < 0 or (value == 0 and not is_least_allowed):
                raise UserError(f"{name} is {value!r}; use {'0 or more' if is_least_allowed else 'more than 0'}")
        object.__setattr__(self, "cache", str(Path(self.cache).resolve()))

    @property
    def direction(self) -> Direction:
        """Whether the objective is maximised or minimised."""
        return direction_of(self.objective)

    def data(self) -> pl.LightningDataModule:
        """A fresh data module over the cache."""
        return EventDataModule(self.cache, batch_size=self.batch_size, seed=self.seed)

    def refit_data(self) -> pl.LightningDataModule:
        """A fresh data module that trains on training and validation users."""
        return EventDataModule(self.cache, batch_size=self.batch_size, seed=self.seed, train=("train", "val"))

    def task(self, network: nn.Module) -> pl.LightningModule:
        """A classifier in training."""
        weights = EventDataModule(self.cache).class_weights
        if self.class_weights == "none":
            weights = torch.ones_like(weights)
        rates = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        return Classifier(network, weights, objective=self.objective, **rates)

    def examples(self) -> Examples:
        """The training users, named by their rows in the cache."""
        data = EventDataModule(self.cache, batch_size=self.batch_size)
        return Examples(data.arrays.rows("train"), data.shape.n_classes, data.ordered("train"), attrgetter("row"))

    def measure(self, predictions: Predictions) -> dict[str, float]:
        """The metrics of predictions."""
        return measured(predictions, self.objective)

    def preprocessing(self) -> EventEncoder:
        """The encoder that was fitted on the training users."""
        return EventEncoder.load(self.cache)
