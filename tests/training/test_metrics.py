"""Objectives of classifiers: equal to scikit-learn's, in the right direction, and whatever torchmetrics has."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as sklearn

from nni_nasplus import UserError
from nni_nasplus.training.classification import measured
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.metrics import OBJECTIVES, direction_of
from nni_nasplus.training.predictions import Predictions


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
    assert measured(predictions, objective)[objective] == pytest.approx(
        expected(predictions.labels, probabilities), abs=1e-5
    )


def test_average_precision_is_that_of_the_second_of_two_classes_and_the_mean_of_more():
    for classes in (2, 3):
        predictions, p = said(classes)
        each = [sklearn.average_precision_score(predictions.labels == c, p[:, c]) for c in range(classes)]
        expected = each[1] if classes == 2 else np.mean(each)
        assert measured(predictions, "average_precision")["average_precision"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_is_better_has_the_better_objective(objective):
    predictions, _ = said(3)
    surer = Predictions(predictions.logits + 3 * np.eye(3, dtype=np.float32)[predictions.labels], predictions.labels)
    before, after = (measured(one, objective)[objective] for one in (predictions, surer))
    assert (after > before) == (direction_of(objective) == "maximize")


@pytest.mark.parametrize("objective", ["auc", "torchmetrics.Nothing", "os.system", "torchmetrics.classification"])
def test_an_unknown_objective_is_named_with_the_known_ones(objective, tmp_path):
    with pytest.raises(UserError, match=f"unknown objective '{objective}'; choose one of roc_auc, accuracy"):
        EventClassification(str(tmp_path), objective=objective)


def test_a_metric_that_cannot_be_made_for_classes_is_named():
    with pytest.raises(UserError, match=r"torchmetrics\.image\.PeakSignalNoiseRatio cannot be made for 2 classes"):
        measured(said(2)[0], "torchmetrics.image.PeakSignalNoiseRatio")
