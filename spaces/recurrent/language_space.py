"""What spaces of one recurrent cell in a language model share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.tuned_space import TunedSpace
from nni_nasplus.spaces.recurrent.baselines import recurrent_baselines
from nni_nasplus.spaces.recurrent.language_model import RecurrentLanguageModel
from nni_nasplus.spaces.recurrent.regularisation import Regularisation

__all__ = ["LanguageModelSpace"]

_MOST_LAYERS = 1000
"""Far more than anybody trains, and few enough to write down."""


class LanguageModelSpace(TunedSpace):
    """Language models of layers of one cell: tokens [T, B] to logits [T, B, V] and the layers' last states.

    A subclass decides on the cell, by ``self.decide`` at the end of its constructor, and makes it, by :meth:`_cell`.

    Parameters
    ----------
    vocabulary
        The number of tokens.
    embedding
        The size of the embedding, which the first layer takes and the last one gives.
    hidden
        The size of the layers between.
    layers
        The number of layers.
    regularisation
        Rates of dropout in [0, 1) by name: embedding, input, hidden, output, weight. Those left out are as
        NAS-Bench-NLP trains.

    Raises
    ------
    UserError
        If a size is less than 1, there are more than 1,000 layers, or a rate of dropout is unknown or outside [0, 1).
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        hidden: int,
        layers: int,
        regularisation: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        if layers > _MOST_LAYERS:
            raise UserError(f"layers is {layers}; use 1 to {_MOST_LAYERS}")
        sizes = {"vocabulary": vocabulary, "hidden": hidden, "embedding": embedding, "layers": layers}
        for name, size in sizes.items():
            if size < 1:
                raise UserError(f"{name} is {size}; use 1 or more")
        self.vocabulary = vocabulary
        self.widths = [embedding, *[hidden] * (layers - 1), embedding]
        self.regularisation = Regularisation.of(regularisation or {})

    def _cell(self, architecture: Mapping[str, Any], n_in: int, n_out: int, weight_drop: float) -> nn.Module:
        """Make a layer of the cell of a valid architecture.

        Returns
        -------
        A module that maps sequences [T, B, n_in] and states to [T, B, n_out] and states. In training it drops entries
        of its recurrent weights at the rate ``weight_drop``.
        """
        raise NotImplementedError

    def _network(self, architecture: Mapping[str, Any]) -> RecurrentLanguageModel:
        rates = self.regularisation.scaled(architecture.get("dropout", 1.0))
        cells = [self._cell(architecture, n_in, n_out, rates.weight) for n_in, n_out in pairwise(self.widths)]
        return RecurrentLanguageModel(self.vocabulary, self.widths[0], cells, rates)

    def example(self) -> Tensor:
        """Make one token of one text, [1, 1]."""
        return torch.zeros(1, 1, dtype=torch.long)

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """GRUs and LSTMs of as many parameters as the winner, to tune."""
        return recurrent_baselines(cast("RecurrentLanguageModel", winner), asdict(self.regularisation))
