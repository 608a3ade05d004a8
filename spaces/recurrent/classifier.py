"""A classifier of texts of recurrent layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor, nn

from nni_nasplus.spaces.recurrent.encoder import RecurrentEncoder
from nni_nasplus.spaces.recurrent.regularisation import Regularisation

__all__ = ["RecurrentClassifier", "TextExamples"]


class TextExamples(NamedTuple):
    """B texts, each padded at its end to the longest one (T tokens)."""

    tokens: Tensor
    """[T, B] int64 in [0, V); anything where there is padding."""
    mask: Tensor
    """[T, B] bool, true at a token."""
    label: Tensor
    """[B] int64 class."""
    row: Tensor
    """[B] int64 number of the text."""


class RecurrentClassifier(RecurrentEncoder):
    """Embedding → layers → mean over the tokens → linear, as
    :class:`~nni_nasplus.training.supervised.module.Supervised` trains it.

    Padding, its amount and its content, never changes a logit: it comes after the tokens and is left out of the mean. A
    text without tokens has the mean 0. For tables of events
    :class:`~nni_nasplus.spaces.events.space.EventSequenceSpace` has such a head, and ``cells`` such layers.

    Parameters
    ----------
    vocabulary
        The number V of tokens.
    width
        The size E of the embedding, which the first layer takes and the last gives.
    layers
        Modules that map [T, B, size in] and their states to [T, B, size out] and their last states, as those of
        :func:`~nni_nasplus.spaces.recurrent.cells.cell_of` do.
    n_classes
        The number C of classes.
    regularisation
        Rates of dropout, which layers apply to their weights themselves; None for none.

    Examples
    --------
    >>> classifier = RecurrentClassifier(10_000, 64, [cell_of("lstm", 64, 64)], n_classes=2)
    """

    def __init__(
        self,
        vocabulary: int,
        width: int,
        layers: Iterable[nn.Module],
        n_classes: int,
        regularisation: Regularisation | None = None,
    ) -> None:
        super().__init__(vocabulary, width, layers, regularisation)
        self.head = nn.Linear(width, n_classes)

    def forward(self, batch: TextExamples) -> Tensor:
        """Logits [B, C]."""
        padding = ~batch.mask
        encoded = self.encode(batch.tokens.masked_fill(padding, 0))
        kept = encoded.dropped.masked_fill(padding.unsqueeze(-1), 0.0)
        return self.head(kept.sum(0) / batch.mask.sum(0).clamp(min=1).unsqueeze(-1))
