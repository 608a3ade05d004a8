"""Plain recurrent classifiers of event sequences, to stand beside what a search finds."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from nni_nasplus.data.events.batch import EventBatch, EventShape

__all__ = ["RecurrentBaseline"]


class RecurrentBaseline(nn.Module):
    """A plain GRU or LSTM over embedded events; the mean of its states classifies.

    Parameters
    ----------
    shape
        The sizes of the data.
    cell
        ``"gru"`` or ``"lstm"``.
    hidden
        Units.
    """

    def __init__(self, shape: EventShape, cell: Literal["gru", "lstm"], hidden: int = 64) -> None:
        super().__init__()
        widths = [min(600, round(1.6 * n**0.56)) for n in shape.cardinalities]
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
        keep = mask.unsqueeze(-1)
        return self.head(states.masked_fill(~keep, 0.0).sum(1) / keep.sum(1))
