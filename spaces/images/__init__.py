"""Convolutional cells: the spaces of DARTS (arXiv 1806.09055) and NAS-Bench-201 (arXiv 2001.00326), and supernets.

Importing this package does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy
from nni_nasplus.spaces.images.genotype import CellGenotype, Genotype
from nni_nasplus.spaces.images.published import PUBLISHED

if TYPE_CHECKING:
    from nni_nasplus.spaces.images.chain import ChainMacro
    from nni_nasplus.spaces.images.darts import DartsSpace
    from nni_nasplus.spaces.images.darts_supernet import DartsSupernet
    from nni_nasplus.spaces.images.nasbench201 import NasBench201Space
    from nni_nasplus.spaces.images.nasbench201_supernet import NasBench201Supernet
    from nni_nasplus.spaces.images.stack import Macro

__all__ = [
    "PUBLISHED",
    "CellGenotype",
    "ChainMacro",
    "DartsSpace",
    "DartsSupernet",
    "Genotype",
    "Macro",
    "NasBench201Space",
    "NasBench201Supernet",
]

__getattr__ = lazy(
    __name__,
    {
        "ChainMacro": "chain",
        "DartsSpace": "darts",
        "DartsSupernet": "darts_supernet",
        "Macro": "stack",
        "NasBench201Space": "nasbench201",
        "NasBench201Supernet": "nasbench201_supernet",
    },
)
