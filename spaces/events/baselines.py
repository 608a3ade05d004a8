"""Plain recurrent classifiers of event sequences, to stand beside what a search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.data.link import Link
from nni_nasplus.networks.plain_space import PlainSpace
from nni_nasplus.spaces.events.head import pool
from nni_nasplus.spaces.events.stem import embedding_width

__all__ = ["RecurrentBaseline", "RecurrentBaselines"]

_CHOICES: dict[str, list[Any]] = {
    "hidden": [64, 128, 32, 256],
    "pooling": ["last", "mean", "max"],
    "learning_rate": [0.005, 0.002, 0.01, 0.001],
}
"""What people tune; the first of each is what they would try first."""


class RecurrentBaselines(PlainSpace):
    """Plain GRUs, or LSTMs, that differ in units, pooling and learning rate: an ``EventBatch`` to logits [B, C].

    The first five arguments are the constants of prepared data: see
    :class:`~nni_nasplus.data.events.batch.EventShape`.

    Parameters
    ----------
    cell
        ``"gru"`` or ``"lstm"``.
    link
        How outputs stand for what is predicted, for pictures: see :mod:`nni_nasplus.data.link`.
    """

    def __init__(
        self,
        cardinalities: Sequence[int],
        n_numeric: int,
        n_classes: int,
        max_length: int,
        periods: Sequence[float],
        cell: Literal["gru", "lstm"] = "gru",
        link: Link = "softmax",
    ) -> None:
        super().__init__()
        self.shape = EventShape(tuple(cardinalities), n_numeric, n_classes, max_length, tuple(periods), link)
        self.cell = cell
        self._tune(cell.upper(), _CHOICES)

    def _network(self, architecture: Mapping[str, Any]) -> RecurrentBaseline:
        return RecurrentBaseline(self.shape, self.cell, architecture["hidden"], architecture["pooling"])

    def example(self) -> EventBatch:
        """Make a batch of one user with a full history."""
        return self.shape.example()

    def _steps(self, architecture: Mapping[str, Any]) -> list[str]:
        cell = f"{self.cell.upper()} of {architecture['hidden']} units"
        return ["events", "columns, embedded", cell, f"{architecture['pooling']} of its states", self.shape.outcome]


class RecurrentBaseline(nn.Module):
    """A plain GRU or LSTM over embedded events; its states, pooled, classify.

    Parameters
    ----------
    shape
        The sizes of the data.
    cell
        ``"gru"`` or ``"lstm"``.
    hidden
        Units.
    pooling
        ``"mean"``, ``"max"`` or ``"last"`` of the states.
    """

    def __init__(
        self, shape: EventShape, cell: Literal["gru", "lstm"], hidden: int = 64, pooling: str = "mean"
    ) -> None:
        super().__init__()
        widths = [embedding_width(n) for n in shape.cardinalities]
        self.pooling = pooling
        self.embeddings = nn.ModuleList(
            nn.Embedding(n, width) for n, width in zip(shape.cardinalities, widths, strict=True)
        )
        kind = {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.recurrent = kind(sum(widths) + shape.n_numeric + 1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, shape.n_classes)

    def forward(self, batch: EventBatch) -> Tensor:
        """Logits [B, C]."""
        mask = batch.mask
        parts = [embed(batch.categorical[..., i].masked_fill(~mask, 0)) for i, embed in enumerate(self.embeddings)]
        gap = batch.gap.clamp(min=0).log1p().unsqueeze(-1)
        numeric = torch.cat([batch.numeric, gap], -1).masked_fill(~mask.unsqueeze(-1), 0.0)
        states, _ = self.recurrent(torch.cat([*parts, numeric], -1))
        return self.head(pool(states, mask, self.pooling))
