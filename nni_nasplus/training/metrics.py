"""What classifiers are scored by: names that users know, and any other metric of torchmetrics by its import path."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassAveragePrecision,
    MulticlassCohenKappa,
    MulticlassF1Score,
)

from nni_nasplus.errors import UserError
from nni_nasplus.search.history import Direction

__all__ = ["LOGGED", "OBJECTIVES", "direction_of", "further_metric", "metrics_of"]


class _AveragePrecision(MulticlassAveragePrecision):
    """Of two classes that of the second, which is the ordinary one; of more their mean."""

    def __init__(self, classes: int) -> None:
        super().__init__(classes, average="none" if classes == 2 else "macro")

    def compute(self) -> Tensor:  # type: ignore[override]
        value: Tensor = super().compute()
        return value[1] if self.num_classes == 2 else value


class _Brier(Metric):
    """The mean over examples of the squared distance of the probabilities to the truth, summed over classes: 0 to 2."""

    higher_is_better = False
    total: Tensor
    count: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, label: Tensor) -> None:
        truth = torch.nn.functional.one_hot(label, self.classes)
        self.total += (probabilities - truth).square().sum()
        self.count += len(label)

    def compute(self) -> Tensor:
        return self.total / self.count


_NAMED: dict[str, tuple[Callable[[int], Metric], Direction]] = {
    "roc_auc": (lambda n: MulticlassAUROC(n, average="macro"), "maximize"),
    "accuracy": (lambda n: MulticlassAccuracy(n, average="micro"), "maximize"),
    "f1": (lambda n: MulticlassF1Score(n, average="macro"), "maximize"),
    "average_precision": (_AveragePrecision, "maximize"),
    "brier": (_Brier, "minimize"),
    "kappa": (lambda n: MulticlassCohenKappa(n, weights="quadratic"), "maximize"),
}
LOGGED = ("roc_auc", "accuracy", "f1")
"""Those that every classifier logs; others cost time, and are logged as objectives."""
OBJECTIVES = (*_NAMED, "loss")


def metrics_of(classes: int) -> MetricCollection:
    """What every classifier of so many classes logs, of probabilities [B, C] and classes [B]."""
    return MetricCollection({name: _NAMED[name][0](classes) for name in LOGGED})


def further_metric(objective: str, classes: int) -> Metric | None:
    """The metric of an objective that is not logged anyway.

    Parameters
    ----------
    objective
        One of ``OBJECTIVES``, or the import path of a class of torchmetrics that takes ``num_classes``.
    classes
        How many.

    Raises
    ------
    UserError
        If there is no such metric.
    """
    return None if objective in (*LOGGED, "loss") else _made(objective, classes)


def direction_of(objective: str) -> Direction:
    """Whether an objective is to be maximised or minimised.

    Raises
    ------
    UserError
        If there is no such metric, or it does not say.
    """
    if objective == "loss":
        return "minimize"
    if objective in _NAMED:
        return _NAMED[objective][1]
    is_better = _class_of(objective).higher_is_better
    if is_better is None:
        raise UserError(f"objective {objective} does not say whether higher is better; choose another")
    return "maximize" if is_better else "minimize"


def _made(objective: str, classes: int) -> Metric:
    if objective in _NAMED:
        return _NAMED[objective][0](classes)
    try:
        made: Metric = _class_of(objective)(num_classes=classes)
    except (TypeError, ValueError) as error:
        raise UserError(f"objective {objective} cannot be made for {classes} classes: {error}") from None
    return made


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
