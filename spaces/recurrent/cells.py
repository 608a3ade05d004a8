"""Recurrent layers by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.spaces.recurrent import darts, enas
from nni_nasplus.spaces.recurrent.cell import RecurrentCell
from nni_nasplus.spaces.recurrent.darts import DartsRecurrentCell
from nni_nasplus.spaces.recurrent.enas import EnasRecurrentCell
from nni_nasplus.spaces.recurrent.nodes import decisions, read, steps
from nni_nasplus.spaces.recurrent.recipes.presets import PRESETS
from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe

__all__ = ["CELLS", "cell_maker", "cell_of"]

GENOTYPES = {**darts.GENOTYPES, **enas.GENOTYPES}
CELLS = (*PRESETS, *GENOTYPES)
"""The names of published cells."""


def cell_of(text: str, n_in: int, n_out: int, weight_drop: float = 0.0) -> nn.Module:
    """A freshly initialised layer: sequences [T, B, n_in] and states, or None, to [T, B, n_out] and last states.

    Parameters
    ----------
    text
        One of :data:`CELLS`; or a recipe, in the published format or as ``linear(x,h0) tanh(0) | 1``; or a genotype
        of the space of DARTS, such as ``relu0 tanh1``, or ENAS, such as ``relu tanh1``, of any number of nodes.
    n_in, n_out
        The sizes of the input and of the state.
    weight_drop
        In training, the rate of dropout, in [0, 1), of the entries of all weights but those of x and the biases.

    Raises
    ------
    UserError
        If the text is none of these.

    Examples
    --------
    >>> cell = cell_of("lstm", 16, 32)
    """
    return cell_maker(text)(n_in, n_out, weight_drop)


def cell_maker(text: str) -> Callable[[int, int, float], nn.Module]:
    """What makes layers of a text: see :func:`cell_of`."""
    if text in PRESETS:
        return partial(RecurrentCell, PRESETS[text])
    if found := read(GENOTYPES.get(text, text)):
        cell, first = (DartsRecurrentCell, 0) if "from1" in found else (EnasRecurrentCell, 1)
        nodes = sum(name.startswith("op") for name in found)
        return partial(cell, steps(SearchSpace(decisions(nodes, first)).validate(found)))
    if not set(text) & set("({"):
        raise UserError(f"unknown cell '{text}'; choose one of {', '.join(CELLS)}, or write a recipe or a genotype")
    return partial(RecurrentCell, Recipe.parse(text))
