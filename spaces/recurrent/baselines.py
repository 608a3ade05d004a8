"""Plain recurrent language models of a given number of parameters, to stand beside what a search finds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent.cell import RecurrentCell
from nni_nasplus.spaces.recurrent.language_model import RecurrentLanguageModel
from nni_nasplus.spaces.recurrent.recipes.presets import PRESETS
from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe

__all__ = ["recurrent_baselines"]

_CELLS = {"GRU": "gru", "LSTM": "lstm_sigmoid"}


def recurrent_baselines(winner: RecurrentLanguageModel) -> dict[str, nn.Module]:
    """A GRU and an LSTM of the winner's vocabulary, layers and dropout, and as nearly as can be its parameters.

    Where there are several layers, their hidden size is what differs; with one, the embedding's, its only size.
    """
    wanted = count_parameters(winner)
    return {name: _nearest(PRESETS[cell], winner, wanted) for name, cell in _CELLS.items()}


def _nearest(recipe: Recipe, winner: RecurrentLanguageModel, wanted: int) -> nn.Module:
    def parameters(size: int) -> int:
        with torch.device("meta"):
            return count_parameters(_network(recipe, winner, size))

    above = _first(lambda size: parameters(size) >= wanted)
    size = min((max(1, above - 1), above), key=lambda size: abs(parameters(size) - wanted))
    return _network(recipe, winner, size)


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


def _network(recipe: Recipe, winner: RecurrentLanguageModel, size: int) -> RecurrentLanguageModel:
    vocabulary, embedding = winner.embedding.weight.shape
    layers = len(winner.layers)
    widths = [embedding, *[size] * (layers - 1), embedding] if layers > 1 else [size, size]
    rate = winner.regularisation.weight
    cells = [RecurrentCell(recipe, n_in, n_out, rate) for n_in, n_out in pairwise(widths)]
    return RecurrentLanguageModel(vocabulary, widths[0], cells, winner.regularisation)
