"""Boosted trees on the aggregates of a history, as a network that fits itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.data.targets import Number, Tags, Target
from nni_nasplus.spaces.boosting.growing import Problem, grow
from nni_nasplus.spaces.boosting.trees import TreeEnsemble
from nni_nasplus.spaces.events.boosting.aggregates import Aggregates

__all__ = ["BoostedEventsNet"]


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
        self.aggregates = Aggregates(shape)
        self.trees = TreeEnsemble(len(self.aggregates.names), shape.n_classes)

    def forward(self, batch: EventBatch) -> Tensor:
        """Outputs [B, C]."""
        return self.trees.logits(self.aggregates(batch))

    @property
    def rounds(self) -> int:
        """The iterations whose trees it has."""
        return self.trees.iterations

    def fit_to(self, data: EventDataModule, seed: int, rounds: int | None = None) -> None:
        """Grow trees on the training users until they no longer get better on the validation users.

        The users are weighted alike.

        Parameters
        ----------
        data
            Of the training and the validation users.
        seed
            Fixes which numbers each split chooses among.
        rounds
            So many iterations, whatever the validation users say.
        """
        table, label = self._table(data.train_dataloader())
        held_table, held_label = (None, None) if rounds is not None else self._table(data.val_dataloader())
        grow(
            self.trees, table, held_table, _problems(data.target, label, held_label), self._settings(data, seed), rounds
        )

    def _settings(self, data: EventDataModule, seed: int) -> dict[str, Any]:
        """Of scikit-learn's boosting, which has a choice of errors for numbers alone."""
        categories = self.aggregates.categories if self.codes == "apart" else None
        error = {"loss": f"{self.error}_error"} if isinstance(data.target, Number) else {}
        return {**self.settings, **error, "categorical_features": categories, "random_state": seed}

    def _table(self, batches: Iterable[EventBatch]) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """The aggregates [U, F] and the labels of all users, in the order of their rows."""
        with torch.inference_mode():
            parts = [(batch.row, self.aggregates(batch), batch.label) for batch in batches]
        row, table, label = (torch.cat(part) for part in zip(*parts, strict=True))
        order = row.argsort()
        return table[order].numpy(), label[order].numpy()


def _problems(target: Target, label: NDArray[Any], held: NDArray[Any] | None) -> Iterator[Problem]:
    """What trees are grown for, of training and of validation users: classes; each of several tags; or a number."""
    if isinstance(target, Tags):
        for column in range(label.shape[1]):
            yield label[:, column].astype(np.int64), None if held is None else held[:, column].astype(np.int64)
    elif isinstance(target, Number):
        yield label[:, 0], None if held is None else held[:, 0]
    else:
        yield label, held
