"""The evaluator of event-sequence classification, and the recurrent baselines that stand beside its results."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.seed import isolate_rng
from torch import Tensor, nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.errors import UserError
from nni_nasplus.training.classification import DIRECTIONS, Classifier
from nni_nasplus.training.distillation.settings import Distillation
from nni_nasplus.training.distillation.teachers import Examples
from nni_nasplus.training.evaluator import Evaluator

__all__ = ["EventClassification", "RecurrentBaseline"]


class EventClassification(Evaluator):
    """Train and score classifiers of event sequences.

    Parameters
    ----------
    cache
        The folder that :func:`nni_nasplus.data.events.preparation` wrote.
    objective
        ``roc_auc``, ``accuracy``, ``f1`` or ``loss``.
    distillation
        The settings of :class:`~nni_nasplus.training.distillation.settings.Distillation`; None for none.

    Raises
    ------
    UserError
        If the objective or a setting of the distillation is unknown.
    """

    directions = DIRECTIONS

    def __init__(
        self,
        cache: str,
        *,
        objective: str = "roc_auc",
        epochs: int = 10,
        patience: int = 5,
        batch_size: int = 128,
        learning_rate: float = 3e-3,
        seed: int = 0,
        distillation: Mapping[str, Any] | None = None,
    ) -> None:
        if objective not in DIRECTIONS:
            raise UserError(f"unknown objective '{objective}'; choose one of {', '.join(DIRECTIONS)}")
        super().__init__(
            objective=objective,
            epochs=epochs,
            patience=patience,
            seed=seed,
            distillation=None if distillation is None else Distillation.of(distillation),
        )
        self.cache = str(Path(cache).resolve())
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.init_args = {
            "cache": self.cache,
            "objective": objective,
            "epochs": epochs,
            "patience": patience,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "seed": seed,
            "distillation": None if distillation is None else dict(distillation),
        }

    def data(self) -> pl.LightningDataModule:
        """A fresh data module over the cache."""
        return EventDataModule(self.cache, batch_size=self.batch_size, seed=self.seed)

    def task(self, network: nn.Module) -> pl.LightningModule:
        """A classifier weighted by the training classes."""
        weights = EventDataModule(self.cache).class_weights
        return Classifier(network, weights, learning_rate=self.learning_rate)

    def examples(self) -> Examples:
        """The training users, named by their rows in the cache."""
        data = EventDataModule(self.cache, batch_size=self.batch_size)
        return Examples(data.arrays.rows("train"), data.shape.n_classes, data.ordered("train"), attrgetter("row"))

    def preprocessing(self) -> EventEncoder:
        """The encoder that was fitted on the training users."""
        return EventEncoder.load(self.cache)

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """A plain GRU and a plain LSTM of 64 units."""
        shape = EventDataModule(self.cache).shape
        with isolate_rng():
            torch.manual_seed(self.seed)
            return {"GRU": RecurrentBaseline(shape, "gru"), "LSTM": RecurrentBaseline(shape, "lstm")}


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
