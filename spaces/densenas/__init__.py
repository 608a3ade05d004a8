"""Networks of DenseNAS: one route through densely connected blocks of growing width, and their supernet.

Importing this package does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy
from nni_nasplus.spaces.densenas.connections import CONNECTIONS, STAGES
from nni_nasplus.spaces.densenas.plan import DenseMacro

if TYPE_CHECKING:
    from nni_nasplus.spaces.densenas.space import DenseNasSpace
    from nni_nasplus.spaces.densenas.supernet import DenseNasSupernet

__all__ = ["CONNECTIONS", "STAGES", "DenseMacro", "DenseNasSpace", "DenseNasSupernet"]

__getattr__ = lazy(__name__, {"DenseNasSpace": "space", "DenseNasSupernet": "supernet"})
