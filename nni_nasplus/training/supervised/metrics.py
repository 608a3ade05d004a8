"""What predictions are scored by: names that users know, and any other metric of torchmetrics by its import path."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric, MetricCollection, R2Score
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassAveragePrecision,
    MulticlassCohenKappa,
    MulticlassF1Score,
    MultilabelAccuracy,
    MultilabelAUROC,
    MultilabelAveragePrecision,
    MultilabelF1Score,
)

from nni_nasplus.errors import UserError
from nni_nasplus.search.history import Direction

__all__ = [
    "OBJECTIVES",
    "Family",
    "direction_of",
    "further_metric",
    "is_of_numbers",
    "metric_of",
    "metrics_of",
    "require_measure",
    "usual_metrics",
    "value_of",
]


class _AveragePrecision(MulticlassAveragePrecision):
    """Of two classes that of the second, which is the ordinary one; of more their mean."""

    def __init__(self, classes: int) -> None:
        super().__init__(classes, average="none" if classes == 2 else "macro")

    def compute(self) -> Tensor:  # type: ignore[override]
        value: Tensor = super().compute()
        return value[1] if self.num_classes == 2 else value


class _Brier(Metric):
    """The mean over examples of the squared distance of the probabilities to the truth, summed over classes: 0 to 2; of
    labels that an example may have any of, the mean over these: 0 to 1."""

    higher_is_better = False
    total: Tensor
    count: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, label: Tensor) -> None:
        truth = label if label.ndim > 1 else torch.nn.functional.one_hot(label, self.classes)
        self.total += (probabilities - truth).square().sum()
        self.count += label.numel()

    def compute(self) -> Tensor:
        return self.total / self.count


class _R2(R2Score):
    """Of values from which that of the first example is subtracted: sums of squares of numbers far from 0, such as
    years, would lose their differences."""

    def update(self, preds: Tensor, target: Tensor) -> None:
        if not self.total:
            self._shift = target[0].clone()
        super().update(preds - self._shift, target - self._shift)


Family = Literal["classes", "tags", "numbers"]
"""What is predicted: one of C classes; which of C labels; a number."""
_Made = Callable[[int], Metric]
_CLASSES: dict[str, _Made] = {
    "roc_auc": lambda n: MulticlassAUROC(n, average="macro"),
    "accuracy": lambda n: MulticlassAccuracy(n, average="micro"),
    "f1": lambda n: MulticlassF1Score(n, average="macro"),
    "average_precision": _AveragePrecision,
    "brier": _Brier,
    "kappa": lambda n: MulticlassCohenKappa(n, weights="quadratic"),
}
_TAGS: dict[str, _Made] = {
    "roc_auc": lambda n: MultilabelAUROC(n, average="macro"),
    "accuracy": lambda n: MultilabelAccuracy(n, average="micro"),
    "f1": lambda n: MultilabelF1Score(n, average="macro"),
    "average_precision": lambda n: MultilabelAveragePrecision(n, average="macro"),
    "brier": _Brier,
}
_NUMBERS: dict[str, _Made] = {
    "rmse": lambda n: MeanSquaredError(squared=False),
    "mae": lambda n: MeanAbsoluteError(),
    "r2": lambda n: _R2(),
}
_NAMED: dict[Family, dict[str, _Made]] = {"classes": _CLASSES, "tags": _TAGS, "numbers": _NUMBERS}
_MINIMISED = ("loss", "brier", "rmse", "mae")
_LOGGED: dict[Family, tuple[str, ...]] = {
    "classes": ("roc_auc", "accuracy", "f1"),
    "tags": ("roc_auc", "accuracy", "f1"),
    "numbers": ("rmse", "mae", "r2"),
}
"""Those that are always logged; others cost time, and are logged as objectives."""
_WHAT: dict[Family, str] = {"classes": "classes", "tags": "several labels at once", "numbers": "a number"}
_COUNT: dict[Family, str | None] = {"classes": "num_classes", "tags": "num_labels", "numbers": None}
"""What metrics of torchmetrics call the number of outputs."""
OBJECTIVES = (*_CLASSES, *_NUMBERS, "loss")


def metrics_of(family: Family, outputs: int) -> MetricCollection:
    """What is always logged, of what :meth:`~nni_nasplus.training.supervised.criteria.Criterion.compared` gives."""
    return MetricCollection({name: _NAMED[family][name](outputs) for name in _LOGGED[family]})


def usual_metrics(family: Family) -> tuple[str, ...]:
    """The names of what is always logged."""
    return _LOGGED[family]


def further_metric(objective: str, family: Family, outputs: int) -> Metric | None:
    """The metric of an objective that is not logged anyway: see :func:`metric_of`."""
    return None if objective in (*_LOGGED[family], "loss") else metric_of(objective, family, outputs)


def metric_of(objective: str, family: Family, outputs: int) -> Metric:
    """The metric of that name.

    Parameters
    ----------
    objective
        One of ``OBJECTIVES``, or the import path of a class of torchmetrics; where it is of classes or tags, one that
        takes ``num_classes`` or ``num_labels``.
    family, outputs
        What is predicted, and how many outputs say it.

    Raises
    ------
    UserError
        If there is no such metric, or it does not measure what is predicted.
    """
    if objective in OBJECTIVES:
        if objective not in _NAMED[family]:
            known = ", ".join([*_NAMED[family], "loss"])
            raise UserError(f"objective {objective} does not measure {_WHAT[family]}; choose one of {known}")
        return _NAMED[family][objective](outputs)
    count = _COUNT[family]
    try:
        made: Metric = _class_of(objective)(**({count: outputs} if count else {}))
    except (TypeError, ValueError) as error:
        raise UserError(f"objective {objective} cannot be made for {outputs} {family}: {error}") from None
    return made


def value_of(objective: str, family: Family, outputs: int, compared: tuple[Tensor, Tensor]) -> float:
    """What the metric of that name makes of what a criterion compares: see :func:`metric_of`."""
    metric = _known_metric(objective, family, outputs)
    metric.reset()
    metric.update(*compared)
    return float(metric.compute())


@cache
def _known_metric(objective: str, family: Family, outputs: int) -> Metric:
    """To make one takes as long as to compute it, and intervals take hundreds of values."""
    return metric_of(objective, family, outputs)


def require_measure(objective: str, targets: int) -> None:
    """Raise :class:`UserError` where an objective does not measure one target, or several, that are no numbers."""
    if objective != "loss" and not is_of_numbers(objective):
        metric_of(objective, "tags" if targets > 1 else "classes", max(2, targets))


def is_of_numbers(objective: str) -> bool:
    """Whether an objective is for predictions of a number: those of ``torchmetrics.regression`` are, too."""
    return objective in _NUMBERS or objective.startswith("torchmetrics.regression.")


def direction_of(objective: str) -> Direction:
    """Whether an objective is to be maximised or minimised.

    Raises
    ------
    UserError
        If there is no such metric, or it does not say.
    """
    if objective in OBJECTIVES:
        return "minimize" if objective in _MINIMISED else "maximize"
    is_better = _class_of(objective).higher_is_better
    if is_better is None:
        raise UserError(f"objective {objective} does not say whether higher is better; choose another")
    return "maximize" if is_better else "minimize"


def _class_of(path: str) -> Any:
    module, _, name = path.rpartition(".")
    if module.partition(".")[0] == "torchmetrics":
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            found = None
        if isinstance(found, type) and issubclass(found, Metric):
            return found
    choices = ", ".join(OBJECTIVES)
    raise UserError(f"unknown objective '{path}'; choose one of {choices}, or a class such as torchmetrics.….Name")
