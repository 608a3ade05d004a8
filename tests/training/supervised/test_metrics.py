"""Objectives: equal to scikit-learn's, in the right direction, and whatever torchmetrics has."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from sklearn import metrics as sklearn

from nni_nasplus import UserError
from nni_nasplus.training.events import EventClassification, EventRegression
from nni_nasplus.training.predictions import Predictions
from nni_nasplus.training.supervised.criteria import BinaryCrossEntropy, CrossEntropy, RegressionError
from nni_nasplus.training.supervised.metrics import OBJECTIVES, direction_of
from nni_nasplus.training.supervised.module import measured


def of_classes(predictions: Predictions, objective: str) -> float:
    criterion = CrossEntropy(torch.ones(predictions.outputs.shape[1]))
    return measured(predictions, criterion, objective)[objective]


def said(classes: int) -> tuple[Predictions, np.ndarray]:
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, 300)
    logits = (rng.normal(size=(300, classes)) + 1.5 * np.eye(classes)[labels]).astype(np.float32)
    return Predictions(logits, labels), softmax(logits.astype(float), axis=-1)


def brier(labels, p):
    return ((p - np.eye(p.shape[1])[labels]) ** 2).sum(1).mean()


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("roc_auc", lambda y, p: sklearn.roc_auc_score(y, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovr")),
        ("accuracy", lambda y, p: sklearn.accuracy_score(y, p.argmax(1))),
        ("f1", lambda y, p: sklearn.f1_score(y, p.argmax(1), average="macro")),
        ("loss", sklearn.log_loss),
        ("kappa", lambda y, p: sklearn.cohen_kappa_score(y, p.argmax(1), weights="quadratic")),
        ("brier", brier),
        (
            "torchmetrics.classification.MulticlassMatthewsCorrCoef",
            lambda y, p: sklearn.matthews_corrcoef(y, p.argmax(1)),
        ),
    ],
)
def test_an_objective_is_what_scikit_learn_says(objective, expected, classes):
    predictions, probabilities = said(classes)
    assert of_classes(predictions, objective) == pytest.approx(expected(predictions.labels, probabilities), abs=1e-5)


def test_average_precision_is_that_of_the_second_of_two_classes_and_the_mean_of_more():
    for classes in (2, 3):
        predictions, p = said(classes)
        each = [sklearn.average_precision_score(predictions.labels == c, p[:, c]) for c in range(classes)]
        expected = each[1] if classes == 2 else np.mean(each)
        assert of_classes(predictions, "average_precision") == pytest.approx(expected, abs=1e-5)


def said_of_tags() -> tuple[Predictions, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = (rng.random((200, 3)) < [0.1, 0.5, 0.8]).astype(np.float32)
    logits = (rng.normal(size=labels.shape) + labels).astype(np.float32)
    return Predictions(logits, labels), expit(logits.astype(float))


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("roc_auc", sklearn.roc_auc_score),
        ("average_precision", sklearn.average_precision_score),
        ("accuracy", lambda y, p: ((p > 0.5) == y).mean()),
        ("f1", lambda y, p: sklearn.f1_score(y, p > 0.5, average="macro")),
        ("brier", lambda y, p: ((y - p) ** 2).mean()),
        ("loss", lambda y, p: np.mean([sklearn.log_loss(y[:, k], p[:, k]) for k in range(3)])),
        ("torchmetrics.classification.MultilabelHammingDistance", lambda y, p: sklearn.hamming_loss(y, p > 0.5)),
    ],
)
def test_an_objective_of_several_labels_is_what_scikit_learn_says(objective, expected):
    predictions, probabilities = said_of_tags()
    found = measured(predictions, BinaryCrossEntropy(torch.ones(3)), objective)[objective]
    assert found == pytest.approx(expected(predictions.labels, probabilities), abs=1e-5)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("rmse", sklearn.root_mean_squared_error),
        ("mae", sklearn.mean_absolute_error),
        ("r2", sklearn.r2_score),
        ("loss", lambda y, p: sklearn.mean_squared_error(y, p) / 2 / 7**2),
        ("torchmetrics.regression.MeanAbsolutePercentageError", sklearn.mean_absolute_percentage_error),
    ],
)
def test_an_objective_of_numbers_is_what_scikit_learn_says_in_the_units_of_the_data(objective, expected):
    rng = np.random.default_rng(4)
    said, true = (rng.normal(size=(150, 1)).astype(np.float32) for _ in range(2))
    found = measured(Predictions(said, true), RegressionError(2000.0, 7.0), objective)[objective]
    assert found == pytest.approx(expected(*(x[:, 0].astype(float) * 7 + 2000 for x in (true, said))), rel=1e-5)


def test_the_absolute_error_is_minimised_at_the_median():
    true = torch.tensor([[0.0], [1.0], [10.0]])
    losses = {x: float(RegressionError(0.0, 1.0, "absolute")(torch.full((3, 1), x), true)) for x in (0.0, 1.0, 3.7)}
    assert min(losses, key=losses.get) == 1.0


@pytest.mark.parametrize("objective", [*OBJECTIVES[:6], "loss"])
def test_what_is_better_has_the_better_objective(objective):
    predictions, _ = said(3)
    surer = Predictions(predictions.outputs + 3 * np.eye(3, dtype=np.float32)[predictions.labels], predictions.labels)
    before, after = (of_classes(one, objective) for one in (predictions, surer))
    assert (after > before) == (direction_of(objective) == "maximize")


@pytest.mark.parametrize("objective", ["auc", "torchmetrics.Nothing", "os.system", "torchmetrics.classification"])
def test_an_unknown_objective_is_named_with_the_known_ones(objective, tmp_path):
    with pytest.raises(UserError, match=f"unknown objective '{objective}'; choose one of roc_auc, accuracy"):
        EventClassification(str(tmp_path), objective=objective)


def test_a_metric_that_cannot_be_made_for_classes_is_named():
    with pytest.raises(UserError, match=r"torchmetrics\.image\.PeakSignalNoiseRatio cannot be made for 2 classes"):
        of_classes(said(2)[0], "torchmetrics.image.PeakSignalNoiseRatio")


@pytest.mark.parametrize(
    ("kind", "objective", "words"),
    [
        (EventClassification, "rmse", "measures numbers, and classes are predicted"),
        (EventRegression, "roc_auc", "measures classes, and a number is predicted"),
    ],
)
def test_an_objective_of_another_target_is_refused(kind, objective, words, tmp_path):
    with pytest.raises(UserError, match=words):
        kind(str(tmp_path), objective=objective)
