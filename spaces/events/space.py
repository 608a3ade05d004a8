"""The 3,425,438,016 event-sequence networks of SeqNAS (arXiv 2401.03246) as an NNI model space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.spaces.events.baselines import RecurrentBaseline
from nni_nasplus.spaces.events.decisions import GRU, HEADS, conditions, decisions
from nni_nasplus.spaces.events.genotype import genotype, parse
from nni_nasplus.spaces.events.graph import graph
from nni_nasplus.spaces.events.network import EventSequenceNet
from nni_nasplus.spaces.recurrent.cells import cell_maker
from nni_nasplus.spaces.recurrent.recipes.presets import PRESETS
from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe

if TYPE_CHECKING:
    import networkx as nx
    from nni.nas.strategy import Strategy

    from nni_nasplus.spaces.events.supernet import EventSupernet

__all__ = ["EventSequenceSpace"]

_SUPERNET = {"encoder_layers": 4, "temporal_encoding": 1}
"""Where the first choice will not do: the layers are what is searched, so there are as many as can be, told of time."""


class EventSequenceSpace(NetworkSpace):
    """Classifiers of event sequences: an ``EventBatch`` of B users to logits [B, C].

    The first five arguments are the constants of prepared data, as ``EventShape.to_json`` gives them: see
    :class:`~nni_nasplus.data.events.batch.EventShape`. Without numeric columns the stem has no decisions and
    428,179,752 architectures are left.

    With ``cells`` each encoder layer that has a GRU decides what runs in its place: ``gru``, which is
    :class:`torch.nn.GRU`, or one of the cells, as :func:`~nni_nasplus.spaces.recurrent.cells.cell_of` reads them.
    Recipes become their canonical notation; that of the recipe ``gru``, whose name is taken, is its only name here.
    Networks with cells are not exported to ONNX.

    Parameters
    ----------
    cardinalities
        The number of codes of each categorical column, unknown and missing included.
    n_numeric
        The number of numeric columns.
    n_classes
        The number C of classes.
    max_length
        The most events that a sequence has.
    periods
        The time scales of the data, as fractions in (0, 1] of the span of the training events.
    hidden
        The width of each attention head and of the feed-forward layers.
    dropout
        The rate of dropout, in [0, 0.5]; temporal dropout drops whole steps at twice that rate.
    cells
        Published cells by name, such as lstm, recipes, or genotypes.

    Raises
    ------
    UserError
        If a cell is unknown or given twice.
    """

    def __init__(
        self,
        cardinalities: Sequence[int] = (100, 20),
        n_numeric: int = 3,
        n_classes: int = 2,
        max_length: int = 128,
        periods: Sequence[float] = (1.0, 0.1, 0.01),
        hidden: int = 32,
        dropout: float = 0.1,
        cells: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.shape = EventShape(tuple(cardinalities), n_numeric, n_classes, max_length, tuple(periods))
        self.sizes = (hidden, dropout)
        self.cells = _named(cells)
        self._decide(SearchSpace(decisions(n_numeric > 0, self.cells), conditions(self.cells)))

    def _network(self, architecture: Mapping[str, Any]) -> EventSequenceNet:
        return EventSequenceNet(self.shape, architecture, *self.sizes)

    def supernet(self, *, heads: int = 1, **fixed: Any) -> EventSupernet:
        """A freshly initialised supernet of the ops of the encoder's layers; the other decisions are fixed.

        By default the encoder has 4 layers, the temporal encoding is on, and the rest are the first choices: no
        decoder, no dropout, pooling by the mean, and a stem of kernel 1 where there are numeric columns. With ``cells``
        the layers have the GRU, and so do the architectures derived.

        Parameters
        ----------
        heads
            Of the attention in each layer: 1, 2, 4 or 8.
        fixed
            Other choices, as in ``encoder_layers=2, decoder_layers=1, decoder_1_cross_heads=4``; and arguments of the
            space that are to differ from its own, as in ``hidden=4``.

        Raises
        ------
        UserError
            If a decision is unknown or one of a layer of the encoder, or a choice is none of its choices.

        Examples
        --------
        >>> space = EventSequenceSpace()
        >>> space.genotype(space.supernet(encoder_layers=2, pooling="max").derive())
        """
        from nni_nasplus.spaces.events.supernet import EventSupernet, of_a_layer

        if own := {name: fixed.pop(name) for name in self._arguments if name in fixed}:
            return EventSequenceSpace(**{**self._arguments, **own}).supernet(heads=heads, **fixed)
        if heads not in HEADS:
            raise UserError(f"heads is {heads!r}; use 1, 2, 4 or 8")
        if searched := next(filter(of_a_layer, fixed), None):
            raise UserError(
                f"'{searched}' is of one layer, whose op is searched; leave it out, or give heads for all layers"
            )
        first = {name: choices[0] for name, choices in self.search_space.decisions.items()}
        chosen = self.search_space.validate({**first, **_SUPERNET, **fixed})
        return EventSupernet(self.shape, chosen, *self.sizes, heads, cells=self.cells)

    def extra_oneshot_hooks(self, strategy: Strategy) -> list[Any]:
        """Tell NNI's differentiable one-shot strategies to search the ops of the encoder's layers.

        Raises
        ------
        UserError
            If the strategy draws architectures, most of which differ in more than what the supernet searches.
        """
        from nni.nas.strategy import RandomOneShot

        if isinstance(strategy, RandomOneShot):
            name = type(strategy).__name__
            raise UserError(f"NNI's {name} draws what the supernet of events has fixed; use DARTS or GumbelDARTS")
        return super().extra_oneshot_hooks(strategy)

    @property
    def _arguments(self) -> dict[str, Any]:
        hidden, dropout = self.sizes
        return {**self.shape.to_json(), "hidden": hidden, "dropout": dropout, "cells": self.cells}

    def example(self) -> EventBatch:
        """Make a batch of one user with a full history."""
        return self.shape.example()

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """Write the compact genotype of the published table, such as ``01|1|agc1|44,12|00``; cells, ``agc1{lstm}``."""
        return genotype(self.search_space.validate(architecture))

    def parse_genotype(self, text: str) -> Architecture:
        """Read the architecture of a compact genotype.

        Raises
        ------
        UserError
            If the text is no genotype of this space.
        """
        return self.search_space.validate(parse(text, with_cells=bool(self.cells)))

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the data flow of an architecture, for drawing: see graph.py."""
        return graph(self.search_space.validate(architecture), self.shape)

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """A plain GRU and a plain LSTM of 64 units, whatever the winner's size."""
        return {"GRU": RecurrentBaseline(self.shape, "gru"), "LSTM": RecurrentBaseline(self.shape, "lstm")}


def _named(cells: Sequence[str]) -> list[str]:
    """The cells, recipes by their notation."""
    names: list[str] = []
    for cell in cells:
        name = Recipe.parse(cell).notation if set(cell) & set("({") else cell
        if name == GRU:
            raise UserError(f"'{GRU}' is torch's here and always there; for the recipe write '{PRESETS[GRU].notation}'")
        if name in names:
            raise UserError(f"the cell '{name}' is given twice; leave one out")
        cell_maker(name)
        names.append(name)
    return names
