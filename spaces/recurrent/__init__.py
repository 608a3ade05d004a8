"""Recurrent cells: the recipes of NAS-Bench-NLP (arXiv 2006.07116) and a fast cell of any of them.

Importing this package does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy
from nni_nasplus.spaces.recurrent.recipes.node import Node
from nni_nasplus.spaces.recurrent.recipes.presets import PRESETS
from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe
from nni_nasplus.spaces.recurrent.recipes.space import RecipeSpace

if TYPE_CHECKING:
    from nni_nasplus.spaces.recurrent.cell import RecurrentCell
    from nni_nasplus.spaces.recurrent.cells import cell_of
    from nni_nasplus.spaces.recurrent.classifier import RecurrentClassifier, TextExamples
    from nni_nasplus.spaces.recurrent.darts import DartsRecurrentCell, DartsRecurrentSpace
    from nni_nasplus.spaces.recurrent.enas import EnasRecurrentCell, EnasRecurrentSpace
    from nni_nasplus.spaces.recurrent.language_model import RecurrentLanguageModel
    from nni_nasplus.spaces.recurrent.recurrent_space import RecurrentCellSpace

__all__ = [
    "PRESETS",
    "DartsRecurrentCell",
    "DartsRecurrentSpace",
    "EnasRecurrentCell",
    "EnasRecurrentSpace",
    "Node",
    "Recipe",
    "RecipeSpace",
    "RecurrentCell",
    "RecurrentCellSpace",
    "RecurrentClassifier",
    "RecurrentLanguageModel",
    "TextExamples",
    "cell_of",
]

__getattr__ = lazy(
    __name__,
    {
        "RecurrentCell": "cell",
        "RecurrentCellSpace": "recurrent_space",
        "DartsRecurrentCell": "darts",
        "DartsRecurrentSpace": "darts",
        "EnasRecurrentCell": "enas",
        "EnasRecurrentSpace": "enas",
        "RecurrentClassifier": "classifier",
        "TextExamples": "classifier",
        "cell_of": "cells",
        "RecurrentLanguageModel": "language_model",
    },
)
