"""Where curves end: regression on an architecture and the beginning of its curve."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import cross_val_predict
from sklearn.svm import NuSVR

__all__ = ["CurvePredictor"]

_PENALTIES = (0.1, 1.0, 10.0)
"""What is tried for C; NASLib, with which NAS-Bench-x11's searches ran, draws a thousand up to 10."""
_FOLDS = 5
_ROWS = 100
"""A fit takes time with the square of them, and the latest are of what the search has come to."""


class CurvePredictor:
    """ν-support vector regression of the end of a curve (Baker et al., arXiv 1705.10823, section 3).

    It learns from the architecture, the values so far, and their first and second differences. C is what predicts best
    in five-fold cross-validation, and :attr:`error` how well. The kernel is linear: with the Gaussian one predictions
    return to the mean beyond what was seen, where the curves lie that a search is for.

    Parameters
    ----------
    features
        Of the architectures; float [curves, features].
    values
        The beginnings of their curves, higher for better; float [curves, 1 or more].
    ends
        What they came to; float [curves], 2 or more, of which the last 100 are taken.
    """

    error: float
    """The standard deviation of what is predicted of curves that were held out."""

    def __init__(self, features: np.ndarray, values: np.ndarray, ends: np.ndarray) -> None:
        features, values, ends = features[-_ROWS:], values[-_ROWS:], ends[-_ROWS:]
        described = _described(values)
        self._center, self._spread = described.mean(0), described.std(0)
        self._spread[self._spread == 0] = 1.0
        self._mean, self._scale = float(ends.mean()), float(ends.std()) or 1.0
        inputs, targets = self._inputs(features, values), (ends - self._mean) / self._scale
        errors = {penalty: _error(_regression(penalty), inputs, targets) for penalty in _PENALTIES}
        best = min(errors, key=errors.__getitem__)
        self.error = self._scale * errors[best]
        self._model = _regression(best).fit(inputs, targets)

    def predict(self, features: np.ndarray, values: np.ndarray) -> np.ndarray:
        """What curves come to of architectures with these features and beginnings; float [curves]."""
        predicted: np.ndarray = self._model.predict(self._inputs(features, values))
        return self._mean + self._scale * predicted

    def _inputs(self, features: np.ndarray, values: np.ndarray) -> np.ndarray:
        """A curve weighs as much as an architecture, however long it is."""
        described = (_described(values) - self._center) / self._spread
        return np.hstack([features, described / np.sqrt(described.shape[1])])


def _described(values: np.ndarray) -> np.ndarray:
    return np.hstack([values, np.diff(values, axis=1), np.diff(values, n=2, axis=1)])


def _regression(penalty: float) -> NuSVR:
    return NuSVR(kernel="linear", C=penalty)


def _error(model: NuSVR, inputs: np.ndarray, targets: np.ndarray) -> float:
    held_out = cross_val_predict(model, inputs, targets, cv=min(_FOLDS, len(targets)))
    return float(np.sqrt(np.mean((targets - held_out) ** 2)))
