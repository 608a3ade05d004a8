"""Boosted trees on the aggregates of a history, as a network that fits itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.data.targets import Number, Tags, Target
from nni_nasplus.spaces.events.boosting.aggregates import Aggregates
from nni_nasplus.spaces.events.boosting.grown import Boosted
from nni_nasplus.spaces.events.boosting.trees import TreeEnsemble

__all__ = ["BoostedEventsNet"]

_MOST_ITERATIONS = 300
_SHRINKAGE = 1.0
"""Added to the hessian of a leaf. Without it a leaf of a rare class adds so much that the loss grows from the second
iteration on: with twelve classes, the rarest of some twenty in 8,145 users, it was 1.3 instead of .16."""
_SHARE = 0.3
"""Of the numbers, those that a split chooses among: mostly a lower validation loss than with all of them."""
_USERS_PER_THREAD = 50_000
"""With fewer users threads mostly wait for each other; on a busy machine two take ten times as long as one."""
_PATIENCE = 20
"""Iterations without a better validation loss after which boosting stops."""
_SETTINGS: dict[str, Any] = {
    "max_iter": _MOST_ITERATIONS,
    "l2_regularization": _SHRINKAGE,
    "max_features": _SHARE,
    "early_stopping": True,
    "n_iter_no_change": _PATIENCE,
}


class BoostedEventsNet(nn.Module):
    """Events → aggregates → boosted trees → outputs [B, C]; it has no parameters to be trained by gradients.

    Parameters
    ----------
    shape
        The sizes of the data.
    learning_rate
        What part of a tree's values is added.
    max_leaf_nodes
        The most leaves of a tree.
    codes
        How a split takes the codes of categories: ``ordered`` by how frequent they are, as numbers; or ``apart``, any
        of them to either side.
    error
        What is minimised where a number is predicted: the ``squared`` or the ``absolute`` error.
    """

    def __init__(
        self,
        shape: EventShape,
        learning_rate: float = 0.1,
        max_leaf_nodes: int = 7,
        codes: Literal["ordered", "apart"] = "ordered",
        error: Literal["squared", "absolute"] = "squared",
    ) -> None:
        super().__init__()
        self.settings = {"learning_rate": learning_rate, "max_leaf_nodes": max_leaf_nodes}
        self.codes = codes
        self.error = error
        self.n_classes = shape.n_classes
        self.aggregates = Aggregates(shape)
        self.trees = TreeEnsemble(len(self.aggregates.names), shape.n_classes)

    def forward(self, batch: EventBatch) -> Tensor:
        """Outputs [B, C]."""
        scores = self.trees(self.aggregates(batch))
        return torch.cat([torch.zeros_like(scores), scores], -1) if scores.shape[-1] < self.n_classes else scores

    @property
    def rounds(self) -> int:
        """The iterations whose trees it has."""
        return self.trees.iterations

    def fit_to(self, data: EventDataModule, seed: int, rounds: int | None = None) -> None:
        """Grow trees on the training users until they no longer get better on the validation users.

        It takes at most as many threads as torch has. The users are weighted alike.

        Parameters
        ----------
        data
            Of the training and the validation users.
        seed
            Fixes which numbers each split chooses among.
        rounds
            So many iterations, whatever the validation users say.
        """
        limits = _SETTINGS if rounds is None else {**_SETTINGS, "max_iter": rounds, "early_stopping": False}
        table, label = self._table(data.train_dataloader())
        held_table, held_label = (None, None) if rounds is not None else self._table(data.val_dataloader())
        threads = min(torch.get_num_threads(), 1 + len(table) // _USERS_PER_THREAD)
        models = []
        with threadpool_limits(threads, "openmp"):
            for y, held_y in _problems(data.target, label, held_label):
                model = self._model(y, random_state=seed, **limits)
                models.append(model.fit(table, y, X_val=held_table, y_val=held_y))
        self.trees.learn(*models, iterations=[rounds or _best(model) for model in models])

    def _model(self, y: NDArray[Any], **settings: Any) -> Boosted:
        """What is to be grown for labels of one class each, or for numbers."""
        categories = self.aggregates.categories if self.codes == "apart" else None
        settings = {**self.settings, **settings, "categorical_features": categories}
        if y.dtype.kind == "i":
            return HistGradientBoostingClassifier(**settings)
        return HistGradientBoostingRegressor(loss=f"{self.error}_error", **settings)

    def _table(self, batches: Iterable[EventBatch]) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """The aggregates [U, F] and the labels of all users, in the order of their rows."""
        with torch.inference_mode():
            parts = [(batch.row, self.aggregates(batch), batch.label) for batch in batches]
        row, table, label = (torch.cat(part) for part in zip(*parts, strict=True))
        order = row.argsort()
        return table[order].numpy(), label[order].numpy()


def _problems(
    target: Target, label: NDArray[Any], held: NDArray[Any] | None
) -> Iterator[tuple[NDArray[Any], NDArray[Any] | None]]:
    """What trees are grown for, of training and of validation users: classes; each of several tags; or a number."""
    if isinstance(target, Tags):
        for column in range(label.shape[1]):
            yield label[:, column].astype(np.int64), None if held is None else held[:, column].astype(np.int64)
    elif isinstance(target, Number):
        yield label[:, 0], None if held is None else held[:, 0]
    else:
        yield label, held


def _best(model: Boosted) -> int:
    """The iterations, at least 1, after which the validation loss was least."""
    return max(1, int(model.validation_score_.argmax()))
