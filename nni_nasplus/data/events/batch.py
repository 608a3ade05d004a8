"""What an event-sequence model is given: a padded batch, and the constants of the data it was prepared from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nni_nasplus.data.link import Link

__all__ = ["EventBatch", "EventShape"]


class EventBatch(NamedTuple):
    """B users' event sequences, right-padded to the longest of the batch (L events).

    Where ``mask`` is false every other field is padding and may hold anything.
    """

    categorical: Tensor
    """[B, L, n_categorical] int64 codes; column j lies in [0, cardinalities[j])."""
    numeric: Tensor
    """[B, L, n_numeric] float32, scaled and imputed."""
    time: Tensor
    """[B, L] float32 position in the time span of the training events (0 its start, 1 its end)."""
    gap: Tensor
    """[B, L] float32 time since the user's previous event in units of the median training gap; first event 0."""
    mask: Tensor
    """[B, L] bool, true at an event; each row has at least one."""
    label: Tensor
    """[B] int64 class, −1 where unknown; of a number [B, 1] float32 in standard units;
    of tags [B, K] float32, 0 or 1."""
    row: Tensor
    """[B] int64 row of the user in the prepared cache."""


@dataclass(frozen=True)
class EventShape:
    """The constants of prepared event data that fix a model's sizes.

    Parameters
    ----------
    cardinalities
        The number of codes of each categorical column, with those of unknown and missing values.
    n_numeric
        The number of numeric columns.
    n_classes
        The number of outputs: of classes, or of tags; 1 for a number.
    max_length
        The most events that a sequence has.
    periods
        The time scales of the data as fractions of the training span, in (0, 1].
    link
        How outputs stand for what is predicted: see :mod:`nni_nasplus.data.link`. No size depends on it.
    """

    cardinalities: tuple[int, ...]
    n_numeric: int
    n_classes: int
    max_length: int
    periods: tuple[float, ...]
    link: Link = "softmax"

    @property
    def outcome(self) -> str:
        """What a network puts out, for pictures."""
        if self.link == "sigmoid":
            return f"{self.n_classes} labels"
        return "a number" if self.n_classes == 1 else f"{self.n_classes} classes"

    def example(self) -> EventBatch:
        """One user with a full history, the largest input there is; its values are zeros and evenly spaced times."""
        length = self.max_length
        return EventBatch(
            categorical=torch.zeros(1, length, len(self.cardinalities), dtype=torch.long),
            numeric=torch.zeros(1, length, self.n_numeric),
            time=torch.linspace(0, 1, length).unsqueeze(0),
            gap=torch.ones(1, length),
            mask=torch.ones(1, length, dtype=torch.bool),
            label=torch.full((1,), -1),
            row=torch.zeros(1, dtype=torch.long),
        )

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values: the keyword arguments of an event space, without the link of classes."""
        fields = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {k: v for k, v in fields.items() if (k, v) != ("link", "softmax")}
