"""The evaluators of event sequences: classes of users, several labels at once, or a number."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from nni_nasplus.data.events.batch import EventBatch
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.data.events.splits.folds import recommended_folds
from nni_nasplus.data.link import Link
from nni_nasplus.data.targets import Number, Tags, Target
from nni_nasplus.errors import UserError
from nni_nasplus.search.history import Direction
from nni_nasplus.training.distillation.teachers import Examples
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.predictions import Predictions
from nni_nasplus.training.rates import require_rates
from nni_nasplus.training.supervised.criteria import BinaryCrossEntropy, Criterion, CrossEntropy, RegressionError
from nni_nasplus.training.supervised.metrics import direction_of, is_of_numbers
from nni_nasplus.training.supervised.module import Supervised, measured

if TYPE_CHECKING:
    from typing import Self

__all__ = ["CLASS_WEIGHTS", "ERRORS", "EventClassification", "EventEvaluator", "EventRegression", "schedule_of"]

CLASS_WEIGHTS = ("none", "balanced")
ERRORS = ("squared", "absolute")

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
class EventEvaluator(Evaluator):
    """What all evaluators of event sequences share; a subclass says what is minimised.

    Parameters
    ----------
    cache
        The folder that :func:`nni_nasplus.data.events.preparation` wrote.
    objective
        What is searched for.
    batch_size
        The most users of a batch.
    learning_rate
        The peak of the one-cycle schedule.
    weight_decay
        Of AdamW.
    fold
        Which fold of how many validates, from 0, while the others train; if None, training and validation users are
        those of the split. See :mod:`nni_nasplus.data.events.splits.folds`.

    Raises
    ------
    UserError
        If the objective, a rate or a setting of the distillation is unknown.
    """

    hyperparameters: ClassVar[Sequence[str]] = ("learning_rate", "weight_decay")

    cache: str
    _: KW_ONLY
    objective: str = "loss"
    epochs: int = 10
    patience: int | None = 5
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    fold: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_rates(self, above=("learning_rate",))
        object.__setattr__(self, "cache", str(Path(self.cache).resolve()))

    @property
    def direction(self) -> Direction:
        """Whether the objective is maximised or minimised."""
        return direction_of(self.objective)

    @cached_property
    def target(self) -> Target:
        """What is predicted."""
        return self.preprocessing().target

    @property
    def link(self) -> Link:
        """That of the target."""
        return self.target.link

    @abstractmethod
    def criterion(self) -> Criterion:
        """What is minimised."""

    def data(self) -> pl.LightningDataModule:
        """A fresh data module over the cache."""
        return self._users()

    def validation_half(self) -> DataLoader[EventBatch]:
        """Validation users in batches alike in length, drawn anew in each pass."""
        return self._users("val").train_dataloader()

    def refit_data(self) -> pl.LightningDataModule:
        """A fresh data module that trains on training and validation users."""
        return self._users("train", "val")

    def _users(self, *train: str) -> EventDataModule:
        """The users of some splits, or of training, as those to train on."""
        return EventDataModule(
            self.cache, batch_size=self.batch_size, seed=self.seed, train=train or ("train",), fold=self.fold
        )

    @property
    def recommended_folds(self) -> int:
        """Five where users are few, unless those who validate were named."""
        return recommended_folds(Path(self.cache))

    def held_out(self, fold: int, count: int) -> Self:
        """This evaluator, whose users of one fold validate; see :mod:`nni_nasplus.data.events.splits.folds`."""
        evaluator = replace(self, fold=(fold, count), distillation=None)
        evaluator.data()
        return evaluator

    def task(self, network: nn.Module) -> pl.LightningModule:
        """A network in training."""
        rates = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        return Supervised(network, self.criterion(), objective=self.objective, **rates)

    def examples(self) -> Examples:
        """The training users, named by their rows in the cache."""
        data = self._users()
        return Examples(data.arrays.rows("train"), data.shape.n_classes, data.ordered("train"), attrgetter("row"))

    def measure(self, predictions: Predictions, names: Sequence[str] | None = None) -> dict[str, float]:
        """The metrics of predictions."""
        return measured(predictions, self._criterion, self.objective, names)

    def preprocessing(self) -> EventEncoder:
        """The encoder that was fitted on the training users."""
        return EventEncoder.load(self.cache)

    @cached_property
    def _criterion(self) -> Criterion:
        """One that is kept: predictions are measured hundreds of times while an ensemble is selected."""
        return self.criterion()


@dataclass(frozen=True)
class EventClassification(EventEvaluator):
    """Train and score classifiers of event sequences; :class:`EventEvaluator` has the rest of the parameters.

    Parameters
    ----------
    objective
        ``roc_auc``, ``accuracy``, ``f1``, ``average_precision``, ``brier``, ``kappa`` (of ordered classes, quadratic),
        ``loss``, or the import path of a metric of torchmetrics. Of several labels at once their mean.
    class_weights
        ``none``, or ``balanced``: each class counts in the loss by the inverse of its frequency, so that all count
        alike. That helps where rare classes matter as such; of rare classes it makes noise.
    """

    hyperparameters = ("learning_rate", "weight_decay", "class_weights")

    _: KW_ONLY
    objective: str = "roc_auc"
    class_weights: Literal["none", "balanced"] = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_weights not in CLASS_WEIGHTS:
            raise UserError(f"unknown class weights '{self.class_weights}'; use {' or '.join(CLASS_WEIGHTS)}")
        if is_of_numbers(self.objective):
            raise UserError(f"objective {self.objective} measures numbers, and classes are predicted; choose another")

    def criterion(self) -> Criterion:
        """Cross-entropy; of several labels at once that of each."""
        if isinstance(self.target, Number):
            raise UserError(f"{self.cache} holds a number to predict; use EventRegression")
        weights = self._users().class_weights
        if self.class_weights == "none":
            weights = torch.ones_like(weights)
        return BinaryCrossEntropy(weights) if isinstance(self.target, Tags) else CrossEntropy(weights)


@dataclass(frozen=True)
class EventRegression(EventEvaluator):
    """Train and score predictors of a number; :class:`EventEvaluator` has the rest of the parameters.

    Parameters
    ----------
    objective
        ``rmse``, ``mae``, ``r2``, ``loss``, or the import path of a metric of torchmetrics.
    error
        What is minimised: the ``squared`` error, whose least is at the mean, or the ``absolute`` one, at the median.
        If None, the absolute one where the objective is ``mae``, else the squared one.
    """

    _: KW_ONLY
    objective: str = "rmse"
    error: Literal["squared", "absolute"] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.error not in (None, *ERRORS):
            raise UserError(f"unknown error '{self.error}'; use {' or '.join(ERRORS)}")
        if self.objective != "loss" and not is_of_numbers(self.objective):
            raise UserError(f"objective {self.objective} measures classes, and a number is predicted; use rmse or mae")

    def criterion(self) -> Criterion:
        """The error in standard units."""
        if not isinstance(self.target, Number):
            raise UserError(f"{self.cache} holds classes to predict; use EventClassification")
        error = self.error or ("absolute" if self.objective == "mae" else "squared")
        return RegressionError(self.target.centre, self.target.scale, error)
