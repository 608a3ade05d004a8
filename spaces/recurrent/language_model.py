"""A language model of recurrent layers whose embedding is its decoder too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

__all__ = ["RecurrentLanguageModel", "States"]

States = tuple[tuple[Tensor, ...], ...]
"""For each layer its hidden states, each [B, H]."""
_BOUND = 0.04


class RecurrentLanguageModel(nn.Module):
    """Predicts the next token.

    Parameters
    ----------
    vocabulary
        The number V of tokens.
    width
        The size E of the embedding, which the first layer takes and the last gives; embedding and decoder share their
        weights (arXiv 1608.05859).
    layers
        Modules that map [T, B, size in] and their states to [T, B, size out] and their last states.
    """

    def __init__(self, vocabulary: int, width: int, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(layers)
        self.decoder = nn.Linear(width, vocabulary)
        self.decoder.weight = self.embedding.weight
        nn.init.uniform_(self.embedding.weight, -_BOUND, _BOUND)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, tokens: Tensor, states: Sequence[Sequence[Tensor]] | None = None) -> tuple[Tensor, States]:
        """Logits [T, B, V] of the tokens after each of [T, B], and the layers' last states, to go on from."""
        values, last = self.embedding(tokens), []
        for number, layer in enumerate(self.layers):
            values, state = layer(values, None if states is None else states[number])
            last.append(state)
        return self.decoder(values), tuple(last)
