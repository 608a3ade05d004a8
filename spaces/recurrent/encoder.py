"""Recurrent layers over embedded tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.spaces.recurrent.regularisation import Regularisation

__all__ = ["Encoded", "RecurrentEncoder", "States"]

States = tuple[tuple[Tensor, ...], ...]
"""For each layer its hidden states, each [B, H]."""
_BOUND = 0.04


class Encoded(NamedTuple):
    """What layers make of tokens [T, B]."""

    states: States
    """The layers' last states, to go on from."""
    raw: Tensor
    """[T, B, E] the last layer's output."""
    dropped: Tensor
    """[T, B, E] the same after dropout."""


class RecurrentEncoder(nn.Module):
    """Embedding and layers, and the dropout of AWD-LSTM (arXiv 1708.02182): the base of models of text.

    Parameters
    ----------
    vocabulary
        The number V of tokens.
    width
        The size E of the embedding, which the first layer takes and the last gives.
    layers
        Modules that map [T, B, size in] and their states to [T, B, size out] and their last states. They run in full
        precision where the rest does not: rounding would add up in the states.
    regularisation
        Rates of dropout, which layers apply to their weights themselves; None for none.
    """

    def __init__(
        self, vocabulary: int, width: int, layers: Iterable[nn.Module], regularisation: Regularisation | None = None
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(layers)
        self.regularisation = regularisation or Regularisation.none()
        nn.init.uniform_(self.embedding.weight, -_BOUND, _BOUND)

    @property
    def vocabulary(self) -> int:
        """The number of tokens."""
        return self.embedding.num_embeddings

    def encode(self, tokens: Tensor, states: Sequence[Sequence[Tensor]] | None = None) -> Encoded:
        """Outputs and last states of tokens [T, B] and first states, zero if None.

        Raises
        ------
        UserError
            While it is exported to ONNX, which would keep the example's number of tokens.
        """
        if torch.onnx.is_in_onnx_export():
            raise UserError("ONNX has no loop for a recurrent cell over tokens")
        rates = self.regularisation
        before = [rates.input, *[rates.hidden] * (len(self.layers) - 1)]
        values, last = self._embedded(tokens), []
        with torch.autocast(tokens.device.type, enabled=False):
            for number, (layer, rate) in enumerate(zip(self.layers, before, strict=True)):
                values, state = layer(self._locked(values, rate), None if states is None else states[number])
                last.append(state)
        return Encoded(tuple(last), values, self._locked(values, rates.output))

    def _embedded(self, tokens: Tensor) -> Tensor:
        """[T, B, E] without the words that are dropped, everywhere they stand."""
        values, rate = self.embedding(tokens), self.regularisation.embedding
        if not self.training or rate == 0:
            return values
        return values * F.dropout(values.new_ones(self.vocabulary), rate)[tokens].unsqueeze(-1)

    def _locked(self, values: Tensor, rate: float) -> Tensor:
        """[T, B, size] without units that are dropped at all steps of an example (arXiv 1512.05287)."""
        if not self.training or rate == 0:
            return values
        return values * F.dropout(values.new_ones(values.shape[1:]), rate)
