"""How boosted trees grow: on training examples, until they no longer get better on validation examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from nni_nasplus.spaces.boosting.grown import Boosted
from nni_nasplus.spaces.boosting.trees import TreeEnsemble

__all__ = ["Problem", "grow"]

Problem = tuple[NDArray[Any], NDArray[Any] | None]
"""What one model is to say of the training examples [N], classes as int64 or numbers, and of the validation ones."""
_MOST_ITERATIONS = 300
_SHRINKAGE = 1.0
"""Added to the hessian of a leaf. Without it a leaf of a rare class adds so much that the loss grows from the second
iteration on: with twelve classes, the rarest of some twenty in 8,145 users, it was 1.3 instead of .16."""
_SHARE = 0.3
"""Of the numbers, those that a split chooses among: mostly a lower validation loss than with all of them."""
_EXAMPLES_PER_THREAD = 50_000
"""With fewer examples threads mostly wait for each other; on a busy machine two take ten times as long as one."""
_PATIENCE = 20
"""Iterations without a better validation loss after which boosting stops."""
_SETTINGS: dict[str, Any] = {
    "max_iter": _MOST_ITERATIONS,
    "l2_regularization": _SHRINKAGE,
    "max_features": _SHARE,
    "early_stopping": True,
    "n_iter_no_change": _PATIENCE,
}


def grow(
    trees: TreeEnsemble,
    table: NDArray[np.float32],
    held_table: NDArray[np.float32] | None,
    problems: Iterable[Problem],
    settings: Mapping[str, Any],
    rounds: int | None = None,
) -> None:
    """Become the trees of a model for each problem, in at most as many threads as torch has.

    Parameters
    ----------
    trees
        Changed in place.
    table, held_table
        [N, F] of the training examples, and of the validation ones; None for the latter with ``rounds``.
    problems
        One of classes, or of numbers; or several, of which each has one score.
    settings
        Of scikit-learn's histogram gradient boosting, its ``random_state`` among them.
    rounds
        So many iterations, whatever the validation examples say.
    """
    limits = _SETTINGS if rounds is None else {**_SETTINGS, "max_iter": rounds, "early_stopping": False}
    threads = min(torch.get_num_threads(), 1 + len(table) // _EXAMPLES_PER_THREAD)
    models = []
    with threadpool_limits(threads, "openmp"):
        for y, held_y in problems:
            kind = HistGradientBoostingClassifier if y.dtype.kind == "i" else HistGradientBoostingRegressor
            model = kind(**settings, **limits)
            models.append(model.fit(table, y, X_val=held_table, y_val=held_y))
    trees.learn(*models, iterations=[rounds or _best(model) for model in models])


def _best(model: Boosted) -> int:
    """The iterations, at least 1, after which the validation loss was least."""
    return max(1, int(model.validation_score_.argmax()))
