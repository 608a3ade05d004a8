"""What spaces of one recurrent cell in a language model share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from nni.nas.space import model_context
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.spaces.recurrent.language_model import RecurrentLanguageModel, States
from nni_nasplus.spaces.recurrent.regularisation import Regularisation

__all__ = ["LanguageModelSpace"]


class LanguageModelSpace(NetworkSpace):
    """Language models of layers of one cell: a subclass decides on the cell and makes it.

    It registers its decisions, sets ``self.net = self._network(chosen)``, and implements :meth:`_cell`.

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
        Rates of dropout by name, see :class:`~nni_nasplus.spaces.recurrent.regularisation.Regularisation`; those left
        out, or all for None, are its defaults.

    Raises
    ------
    UserError
        If a size is less than 1, or a rate of dropout is unknown or outside [0, 1).
    """

    net: RecurrentLanguageModel

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        hidden: int,
        layers: int,
        regularisation: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        sizes = {"vocabulary": vocabulary, "hidden": hidden, "embedding": embedding, "layers": layers}
        for name, size in sizes.items():
            if size < 1:
                raise UserError(f"{name} is {size}; use 1 or more")
        self.vocabulary = vocabulary
        self.widths = [embedding, *[hidden] * (layers - 1), embedding]
        self.regularisation = Regularisation.of(regularisation or {})

    def _cell(self, architecture: Mapping[str, Any], n_in: int, n_out: int) -> nn.Module:
        """A layer: sequences [T, B, n_in] and states to [T, B, n_out] and states; drops ``regularisation.weight``."""
        raise NotImplementedError

    def _network(self, architecture: Mapping[str, Any]) -> RecurrentLanguageModel:
        """A freshly initialised language model of a valid architecture."""
        cells = [self._cell(architecture, n_in, n_out) for n_in, n_out in pairwise(self.widths)]
        return RecurrentLanguageModel(self.vocabulary, self.widths[0], cells, self.regularisation)

    def forward(self, tokens: Tensor, states: Sequence[Sequence[Tensor]] | None = None) -> tuple[Tensor, States]:
        """Logits and states: see :class:`~nni_nasplus.spaces.recurrent.language_model.RecurrentLanguageModel`."""
        return self.net(tokens, states)

    def freeze(self, sample: Mapping[str, Any]) -> LanguageModelSpace:
        """The space with the network of a sample."""
        with model_context(dict(sample)):
            return type(self)(*self.trace_args, **self.trace_kwargs)

    def build(self, architecture: Mapping[str, Any]) -> RecurrentLanguageModel:
        """A freshly initialised language model; UserError if the architecture is not in the space."""
        return self._network(self.search_space.validate(architecture))

    def example(self) -> Tensor:
        """One token of one text."""
        return torch.zeros(1, 1, dtype=torch.long)
