"""Predictions beside the truth: the figures are those of scikit-learn and of counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, precision_score, r2_score, recall_score, roc_auc_score

from nni_nasplus.data.targets import Number
from nni_nasplus.report.model.answers import classes, number, tags
from nni_nasplus.training.predictions import Predictions

RNG = np.random.default_rng(0)


def of_classes(count):
    labels = np.arange(90) % count
    outputs = RNG.normal(size=(90, count)) + 1.5 * np.eye(count)[labels]
    return Predictions(outputs.astype(np.float32), labels)


@pytest.mark.parametrize("count", [2, 3, 20])
def test_the_table_of_classes(count):
    predictions = of_classes(count)
    names = [f"class {i}" for i in range(count)]
    told = classes(predictions, names)
    named = predictions.outputs.argmax(1)
    assert told["right"] == (named == predictions.labels).sum()
    recalls = recall_score(predictions.labels, named, average=None, zero_division=0)
    assert [row["recall"] for row in told["table"]] == pytest.approx(recalls)
    precision = precision_score(predictions.labels, named, average=None, zero_division=0)
    assert [row["precision"] or 0.0 for row in told["table"]] == pytest.approx(precision)
    assert (told["matrix"] is None) == (count > 12)
    if told["matrix"]:
        assert sum(cell for row in told["matrix"] for cell, _ in row) == 90
    wrong = sum(times for *_, times in told["confusions"])
    assert wrong <= 90 - told["right"]
    assert (told["roc"] == "") == (count > 6)


def test_what_is_never_named_is_told():
    outputs = np.zeros((10, 3), np.float32)
    outputs[:, 0] = 1
    assert classes(Predictions(outputs, np.arange(10) % 3), ["a", "b", "c"])["never"] == ["b", "c"]


def test_one_class_alone_in_the_examples_breaks_nothing():
    told = classes(Predictions(RNG.normal(size=(5, 2)).astype(np.float32), np.zeros(5, np.int64)), ["a", "b"])
    assert told["roc"] == ""
    assert told["table"][1]["recall"] is None


def test_a_number_is_told_in_its_own_unit():
    true = RNG.normal(size=(60, 1)).astype(np.float32)
    predicted = true + 0.1 * RNG.normal(size=(60, 1)).astype(np.float32)
    told = number(Predictions(predicted, true), Number("euros", centre=100.0, scale=20.0))
    values = dict(told["table"])
    mae = mean_absolute_error(true, predicted) * 20
    assert float(values["mean absolute error"]) == pytest.approx(mae, rel=1e-3)
    assert float(values["share of the variance explained, R²"]) == pytest.approx(r2_score(true, predicted), abs=1e-3)
    assert "true euros" in told["chart"]


def test_each_label_is_told_by_itself():
    labels = (RNG.random((80, 2)) < 0.4).astype(np.float32)
    outputs = (RNG.normal(size=(80, 2)) + labels).astype(np.float32)
    told = tags(Predictions(outputs, labels), ["warm", "wet"])
    areas = [roc_auc_score(labels[:, i], outputs[:, i]) for i in range(2)]
    assert [row["auc"] for row in told["table"]] == pytest.approx(areas)


def test_names_in_charts_are_text():
    predictions = of_classes(3)
    told = classes(predictions, ["<script>", "a & b", "$\\alpha$"])
    assert "<script>" not in told["roc"]
    assert "&lt;script&gt;" in told["roc"]
    assert "$\\alpha$" in told["roc"]
