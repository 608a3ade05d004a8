"""Plain recurrent language models, to stand beside what a search finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.hyperparameters import around
from nni_nasplus.networks.plain_space import PlainSpace
from nni_nasplus.spaces.recurrent.cell import RecurrentCell
from nni_nasplus.spaces.recurrent.language_model import RecurrentLanguageModel
from nni_nasplus.spaces.recurrent.recipes.presets import PRESETS
from nni_nasplus.spaces.recurrent.recommended import DROPOUT, RATE
from nni_nasplus.spaces.recurrent.regularisation import Regularisation

__all__ = ["PlainLanguageModels", "recurrent_baselines"]

_RECIPES = {"gru": "gru", "lstm": "lstm_sigmoid"}


class PlainLanguageModels(PlainSpace):
    """Language models of layers of GRU, or LSTM, tuned: tokens [T, B] to logits [T, B, V] and the last states.

    Parameters
    ----------
    vocabulary
        The number of tokens.
    embedding, hidden
        The size of the embedding, which the first layer takes and the last one gives, and of the layers between.
    layers
        The number of layers.
    cell
        ``"gru"`` or ``"lstm"``.
    regularisation
        Rates of dropout by name, of which shares are tried: see
        :class:`~nni_nasplus.spaces.recurrent.regularisation.Regularisation`.
    learning_rate
        What is tried first.
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        hidden: int,
        layers: int,
        cell: Literal["gru", "lstm"] = "gru",
        regularisation: Mapping[str, float] | None = None,
        learning_rate: float = RATE,
    ) -> None:
        super().__init__()
        self.vocabulary, self.layers, self.cell = vocabulary, layers, cell
        self.regularisation = Regularisation.of(regularisation or {})
        # the sizes are decisions of one choice, so that networks of two winners have two names
        sizes = {"embedding": [embedding], "hidden": [hidden]}
        self._tune(cell.upper(), {**sizes, "learning_rate": around(learning_rate), "dropout": DROPOUT})

    def _network(self, architecture: Mapping[str, Any]) -> RecurrentLanguageModel:
        rates = self.regularisation.scaled(architecture["dropout"])
        widths = _widths(architecture["embedding"], architecture["hidden"], self.layers)
        recipe = PRESETS[_RECIPES[self.cell]]
        cells = [RecurrentCell(recipe, n_in, n_out, rates.weight) for n_in, n_out in pairwise(widths)]
        return RecurrentLanguageModel(self.vocabulary, widths[0], cells, rates)

    def example(self) -> Tensor:
        """Make one token of one text, [1, 1]."""
        return torch.zeros(1, 1, dtype=torch.long)

    def _steps(self, architecture: Mapping[str, Any]) -> list[str]:
        widths = _widths(architecture["embedding"], architecture["hidden"], self.layers)
        cells = [f"{self.cell.upper()} of {width} units, layer {n}" for n, width in enumerate(widths[1:], 1)]
        return ["tokens", f"embedding of {widths[0]}", *cells, f"{self.vocabulary} tokens"]


def recurrent_baselines(winner: RecurrentLanguageModel, regularisation: Mapping[str, float]) -> dict[str, nn.Module]:
    """A GRU and an LSTM of the winner's vocabulary and layers, and of as nearly as can be its parameters.

    Where there are several layers, their hidden size is what differs; with one, the embedding's, its only size.

    Parameters
    ----------
    regularisation
        The rates of the search, of which the winner may have a share: see :class:`PlainLanguageModels`.
    """
    vocabulary, embedding = winner.embedding.weight.shape
    layers, wanted = len(winner.layers), count_parameters(winner)

    def sized(cell: Literal["gru", "lstm"], size: int) -> PlainLanguageModels:
        sizes = (vocabulary, embedding, size, layers) if layers > 1 else (vocabulary, size, size, layers)
        return PlainLanguageModels(*sizes, cell=cell, regularisation=regularisation)

    return {
        "GRU": _nearest(lambda size: sized("gru", size), wanted),
        "LSTM": _nearest(lambda s: sized("lstm", s), wanted),
    }


def _nearest(sized: Callable[[int], PlainLanguageModels], wanted: int) -> PlainLanguageModels:
    """Of spaces by size that whose networks are nearest to so many parameters."""

    def parameters(size: int) -> int:
        space = sized(size)
        with torch.device("meta"):
            return count_parameters(space.build(space.search_space.initial[0]))

    above = _first(lambda size: parameters(size) >= wanted)
    return sized(min((max(1, above - 1), above), key=lambda size: abs(parameters(size) - wanted)))


def _first(reached: Callable[[int], bool]) -> int:
    """The least size, 1 or more, from which on ``reached`` holds."""
    high = 1
    while not reached(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _widths(embedding: int, hidden: int, layers: int) -> list[int]:
    """What the first layer takes, and what each gives."""
    return [embedding, *[hidden] * (layers - 1), embedding]
