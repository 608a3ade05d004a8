"""A language model of recurrent layers whose embedding is its decoder too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nni_nasplus.spaces.recurrent.encoder import RecurrentEncoder, States
from nni_nasplus.spaces.recurrent.regularisation import Regularisation

__all__ = ["Outcome", "RecurrentLanguageModel", "States"]


class Outcome(NamedTuple):
    """What a language model makes of tokens [T, B]."""

    logits: Tensor
    """[T, B, V] of the tokens after each."""
    states: States
    """The layers' last states, to go on from."""
    raw: Tensor
    """[T, B, E] the last layer's output."""
    dropped: Tensor
    """[T, B, E] the same after dropout: what is decoded."""


class _Dropping(Protocol):
    """A layer that drops entries of some of its weights."""

    weights: Iterable[Tensor]


class RecurrentLanguageModel(RecurrentEncoder):
    """Predicts the next token; embedding and decoder share their weights (arXiv 1608.05859).

    Its parameters are those of :class:`~nni_nasplus.spaces.recurrent.encoder.RecurrentEncoder`.
    """

    def __init__(
        self, vocabulary: int, width: int, layers: Iterable[nn.Module], regularisation: Regularisation | None = None
    ) -> None:
        super().__init__(vocabulary, width, layers, regularisation)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    @property
    def dropped_weights(self) -> list[Tensor]:
        """The layers' weights whose entries are dropped in training; none at a rate of 0."""
        if not self.regularisation.weight:
            return []
        return [weight for layer in self.layers for weight in cast("_Dropping", layer).weights]

    def forward(self, tokens: Tensor, states: Sequence[Sequence[Tensor]] | None = None) -> tuple[Tensor, States]:
        """Logits [T, B, V] of the tokens after each of [T, B], and the layers' last states, to go on from."""
        outcome = self.run(tokens, states)
        return outcome.logits, outcome.states

    def run(self, tokens: Tensor, states: Sequence[Sequence[Tensor]] | None = None) -> Outcome:
        """All that training needs, of tokens [T, B] and first states, zero if None."""
        encoded = self.encode(tokens, states)
        logits = F.linear(encoded.dropped, self.embedding.weight, self.bias)
        return Outcome(logits, encoded.states, encoded.raw, encoded.dropped)
