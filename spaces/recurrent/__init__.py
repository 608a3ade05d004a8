"""Recurrent cells: the recipes of NAS-Bench-NLP (arXiv 2006.07116) and a fast cell of any of them.

Importing this package does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy
from nni_nasplus.spaces.recurrent.recipe import PRESETS, Node, Recipe

if TYPE_CHECKING:
    from nni_nasplus.spaces.recurrent.cell import RecurrentCell

__all__ = ["PRESETS", "Node", "Recipe", "RecurrentCell"]

__getattr__ = lazy(__name__, {"RecurrentCell": "cell"})
