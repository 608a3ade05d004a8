"""The recurrent cells of NAS-Bench-NLP (arXiv 2006.07116) as an NNI model space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx
from torch import nn

from nni_nasplus.search.space import Architecture
from nni_nasplus.spaces.recurrent.cell import RecurrentCell
from nni_nasplus.spaces.recurrent.language_space import LanguageModelSpace
from nni_nasplus.spaces.recurrent.recipes.notation import SHORT
from nni_nasplus.spaces.recurrent.recipes.presets import PRESETS
from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe
from nni_nasplus.spaces.recurrent.recipes.space import RecipeSpace

__all__ = ["RecurrentCellSpace"]


class RecurrentCellSpace(LanguageModelSpace):
    """Language models of layers of one recipe, by default of the published sizes.

    See :class:`~nni_nasplus.spaces.recurrent.RecipeSpace` for the cells, and
    :class:`~nni_nasplus.spaces.recurrent.language_space.LanguageModelSpace` for the arguments. With the defaults the
    recipes ``rnn``, ``gru`` and ``lstm`` have 5,731,600, 9,174,800 and 10,896,400 parameters.
    """

    search_space: RecipeSpace

    def __init__(
        self,
        vocabulary: int = 10_000,
        embedding: int = 400,
        hidden: int = 600,
        layers: int = 3,
        regularisation: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(vocabulary, embedding, hidden, layers, regularisation)
        self.decide(self._tuned(RecipeSpace(), {}, {}))

    def _cell(self, architecture: Mapping[str, Any], n_in: int, n_out: int, weight_drop: float) -> nn.Module:
        return RecurrentCell(self.search_space.recipe(architecture), n_in, n_out, weight_drop)

    def _notation(self, architecture: Architecture) -> str:
        """The recipe as a line, such as ``linear(x,h0) tanh(0) | 1``."""
        return self.search_space.recipe(architecture).notation

    def _parsed(self, notation: str) -> Architecture:
        """Such a line, published JSON, or a preset, such as ``lstm``, by its name."""
        recipe = PRESETS[notation] if notation in PRESETS else Recipe.parse(notation)
        return self.search_space.architecture(recipe)

    def _telling(self) -> list[str]:
        """The operations, whose counts add up to the nodes; not what they take, nor which of them are states."""
        return [name for name in self.search_space.decisions if name.startswith("op")]

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the data flow of a cell, for drawing."""
        recipe = self.search_space.recipe(self.search_space.validate(architecture))
        graph: nx.DiGraph = nx.DiGraph()
        for name in recipe.graph:
            graph.add_node(name, label=_label(recipe, name), kind=_kind(recipe, name))
        graph.add_edges_from(recipe.graph.edges)
        return graph


def _label(recipe: Recipe, name: str) -> str:
    if name not in recipe.nodes:
        return name.replace("h_prev_", "h")
    state = f", the next {name.replace('h_new_', 'h')}" if name.startswith("h_new") else ""
    return f"{SHORT[recipe.nodes[name].op]}{state}"


def _kind(recipe: Recipe, name: str) -> str:
    if name not in recipe.nodes:
        return "input"
    merge = recipe.nodes[name].op in ("elementwise_sum", "elementwise_prod", "blend")
    return "output" if name.startswith("h_new") else "merge" if merge else "op"
