"""Predictions beside the truth: confusions, receiver operating characteristics, calibration, scatter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score, roc_curve

from nni_nasplus.data.link import means_of
from nni_nasplus.data.targets import Number
from nni_nasplus.report.charts import BAND, BLUE, COLOURS, GREY, ORANGE, Chart, chart, legend_above
from nni_nasplus.training.predictions import Predictions

__all__ = ["classes", "number", "tags"]

_MATRIX = 12
"""Classes up to which a matrix of confusions can be read."""
_CURVES = 6
"""Curves that can be told apart."""
_NAME = 24
"""Letters of a name beside a curve: a longer one would be cut."""
_CONFUSIONS = 10
"""Confusions that are named where there are more classes."""
_BINS = 8
"""Of a calibration curve: with 100 examples each has a dozen."""
_POINTS = 800
"""Of a scatter: each takes 60 bytes of the page."""
_Curve = tuple[str, NDArray[np.bool_], NDArray[np.float64]]
"""A name, who of N examples has it, and the probabilities of that."""


def classes(predictions: Predictions, names: Sequence[str]) -> dict[str, Any]:
    """Of C classes: a matrix of confusions or the most frequent ones, a table by class, ROC and calibration.

    Parameters
    ----------
    predictions
        Of N examples.
    names
        Of the classes.
    """
    shares, labels = means_of(predictions.outputs, "softmax"), predictions.labels
    matrix = confusion_matrix(labels, shares.argmax(1), labels=np.arange(len(names)))
    curves = [(name, labels == i, shares[:, i]) for i, name in enumerate(names)]
    return {
        "kind": "classes",
        "count": len(labels),
        "right": int(np.trace(matrix)),
        "names": list(names),
        "never": [name for name, column in zip(names, matrix.T, strict=True) if not column.any()],
        "matrix": _shaded(matrix) if len(names) <= _MATRIX else None,
        "confusions": _confusions(matrix, names),
        "table": [_of_class(matrix, i, curve) for i, curve in enumerate(curves)],
        "roc": _roc(curves[1:] if len(curves) == 2 else curves),
        "calibration": _calibration(*_claimed(shares, labels)),
        "claim": f"of class {names[1]}" if len(names) == 2 else "of the class that it names",
    }


def _shaded(matrix: NDArray[np.int64]) -> list[list[tuple[int, float]]]:
    """Counts, and their shares of the row, which is of one true class."""
    totals = np.maximum(matrix.sum(1, keepdims=True), 1)
    return [
        list(zip(row.tolist(), part.tolist(), strict=True)) for row, part in zip(matrix, matrix / totals, strict=True)
    ]


def _confusions(matrix: NDArray[np.int64], names: Sequence[str]) -> list[tuple[str, str, int]]:
    """The most frequent ones: true class, named class, examples."""
    wrong = matrix * (1 - np.eye(len(names), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    places = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [(names[i], names[j], int(wrong[i, j])) for i, j in places if wrong[i, j]]


def _of_class(matrix: NDArray[np.int64], i: int, curve: _Curve) -> dict[str, Any]:
    named, count = int(matrix[:, i].sum()), int(curve[1].sum())
    return {
        "name": curve[0],
        "count": count,
        "recall": matrix[i, i] / count if count else None,
        "precision": matrix[i, i] / named if named else None,
        "auc": _measured(roc_auc_score, curve),
    }


def _measured(metric: Any, curve: _Curve) -> float | None:
    """A metric that needs examples of both kinds; None without."""
    _, truth, share = curve
    return float(metric(truth, share)) if 0 < truth.sum() < len(truth) else None


def _roc(curves: Sequence[_Curve]) -> Any:
    """The curves of a few; nothing of many."""
    shown = [curve for curve in curves if 0 < curve[1].sum() < len(curve[1])]
    if not 0 < len(shown) <= _CURVES:
        return ""
    with chart("Receiver operating characteristic", width=3.9, height=3.6) as drawn:
        drawn.axes.plot([0, 1], [0, 1], "--", color=GREY, lw=1)
        for (name, truth, share), colour in zip(shown, COLOURS, strict=False):
            false, true, _ = roc_curve(truth, share)
            area = roc_auc_score(truth, share)
            drawn.axes.plot(false, true, color=colour, lw=1.8, label=f"{_short(name)}: area {area:.3f}")
        drawn.axes.set_xlabel("share of the others named wrongly")
        drawn.axes.set_ylabel("share of the class found")
        legend_above(drawn.axes, 1)
    return drawn.markup


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _claimed(shares: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities [N] that the model gives to something, and whether that came: of two classes the second, of more
    the one that it names."""
    if shares.shape[1] == 2:
        return shares[:, 1], labels == 1
    return shares.max(1), shares.argmax(1) == labels


def _calibration(claimed: NDArray[np.float64], came: NDArray[np.bool_]) -> Any:
    """Probabilities beside frequencies, in bins of equally many examples, with 95 % intervals (Clopper–Pearson)."""
    order = np.argsort(claimed, kind="stable")
    bins = [part for part in np.array_split(order, min(_BINS, len(order))) if len(part)]
    means = [float(claimed[part].mean()) for part in bins]
    hits, counts = np.array([came[part].sum() for part in bins]), np.array([len(part) for part in bins])
    low = np.nan_to_num(beta.ppf(0.025, hits, counts - hits + 1), nan=0.0)
    high = np.nan_to_num(beta.ppf(0.975, hits + 1, counts - hits), nan=1.0)
    rates = hits / counts
    end = min(1.0, 1.05 * max(*means, *high))
    with chart("Calibration", width=3.9, height=3.6) as drawn:
        drawn.axes.plot([0, end], [0, end], "--", color=GREY, lw=1)
        drawn.axes.errorbar(means, rates, yerr=[rates - low, high - rates], fmt="o-", ms=4, color=BLUE, lw=1.2)
        drawn.axes.set_xlabel("probability that the model gives")
        drawn.axes.set_ylabel("how often it came")
        reach = max(0.15 * (max(means) - min(means)), 0.02)
        drawn.axes.set_xlim(min(means) - reach, max(means) + reach)
        drawn.axes.set_ylim(-0.03 * end, 1.03 * end)
    return drawn.markup


def number(predictions: Predictions, target: Number) -> dict[str, Any]:
    """Of a number: predicted beside true, in its own unit, and what is usual of the errors.

    Parameters
    ----------
    predictions
        Of N examples, in standard units.
    target
        Says what the units are.
    """
    predicted = target.answers(predictions.outputs)[target.name]
    true = target.answers(predictions.labels)[target.name]
    errors = np.abs(predicted - true)
    with chart("Predicted and true numbers", width=4.2, height=3.8) as drawn:
        _scatter(drawn, predicted, true, target.name)
    bound = np.square(true - true.mean()).sum()
    return {
        "kind": "number",
        "name": target.name,
        "count": len(true),
        "chart": drawn.markup,
        "table": [
            ("mean absolute error", f"{errors.mean():.4g}"),
            ("root of the mean squared error", f"{np.sqrt(np.square(errors).mean()):.4g}"),
            ("share of the variance explained, R²", f"{1 - np.square(errors).sum() / bound:.3f}" if bound else "–"),
            ("half of the errors are below", f"{np.quantile(errors, 0.5):.4g}"),
            ("nine of ten errors are below", f"{np.quantile(errors, 0.9):.4g}"),
            ("mean error (positive: too high)", f"{(predicted - true).mean():.4g}"),
        ],
    }


def _scatter(drawn: Chart, predicted: NDArray[np.float64], true: NDArray[np.float64], name: str) -> None:
    step = max(1, -(-len(true) // _POINTS))
    ends = [float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))]
    drawn.axes.plot(ends, ends, "--", color=ORANGE, lw=1.2)
    drawn.axes.plot(true[::step], predicted[::step], "o", ms=3.5, color=BLUE, mec=BAND, mew=0.3)
    drawn.axes.set_xlabel(f"true {name}")
    drawn.axes.set_ylabel(f"predicted {name}")


def tags(predictions: Predictions, names: Sequence[str]) -> dict[str, Any]:
    """Of several labels at once: each by itself, and the curves of a few.

    Parameters
    ----------
    predictions
        Of N examples.
    names
        Of the labels.
    """
    shares, labels = means_of(predictions.outputs, "sigmoid"), predictions.labels > 0.5
    curves = [(name, labels[:, i], shares[:, i]) for i, name in enumerate(names)]
    rows = [
        {
            "name": curve[0],
            "count": int(curve[1].sum()),
            "auc": _measured(roc_auc_score, curve),
            "precision": _measured(average_precision_score, curve),
        }
        for curve in curves
    ]
    return {
        "kind": "tags",
        "count": len(labels),
        "table": rows,
        "roc": _roc(curves),
        "calibration": _calibration(shares.ravel(), labels.ravel()),
    }
