"""MultiRocket (Tan et al., Data Mining and Knowledge Discovery 2022) of aeon, on the split of a finished search."""

from __future__ import annotations

import numpy as np
from aeon.transformations.collection.convolution_based import MultiRocket
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.run.run import Run
from nni_nasplus.training.predictions import Predictions

__all__ = ["multirocket"]

_ALPHAS = np.logspace(-3, 3, 10)
"""Of the ridge, which it chooses by leaving one out: those of aeon's classifier."""


def multirocket(run: Run, kernels: int) -> float:
    """The test score of the objective, of classes by the ridge's decision function.

    It learns from training and validation users together, for it needs none to validate. Series are the numeric columns
    as the search has them, and end in zeros where they are shorter than the longest.
    """
    arrays, length = EventArrays.open(run.cache), run.space.shape.max_length
    known, new = arrays.rows("train", "val"), arrays.rows("test")
    model = make_pipeline(
        MultiRocket(n_kernels=kernels, random_state=run.settings.seed),
        StandardScaler(with_mean=False),
        RidgeClassifierCV(_ALPHAS),
    )
    model.fit(_series(arrays, known, length), arrays.label[known])
    said = model.decision_function(_series(arrays, new, length))
    outputs = said if said.ndim == 2 else np.stack([-said, said], 1)
    predictions = Predictions(outputs.astype(np.float32), np.asarray(arrays.label[new]))
    return run.evaluator.measure(predictions)[run.settings.objective]


def _series(arrays: EventArrays, rows: NDArray[np.int64], length: int) -> NDArray[np.float32]:
    """The numeric columns [rows, columns, steps]."""
    batch = arrays.batch(rows, length)
    series = (batch.numeric * batch.mask[..., None]).numpy().transpose(0, 2, 1)
    return np.pad(series, ((0, 0), (0, 0), (0, length - series.shape[2])))
