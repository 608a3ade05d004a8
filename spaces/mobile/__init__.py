"""Networks for phones: inverted residual blocks, whose published networks are known by name, and their supernet.

Importing this package does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy
from nni_nasplus.spaces.mobile.genotype import MobileGenotype
from nni_nasplus.spaces.mobile.plan import MobileMacro
from nni_nasplus.spaces.mobile.published import PUBLISHED

if TYPE_CHECKING:
    from nni_nasplus.spaces.mobile.space import MobileSpace
    from nni_nasplus.spaces.mobile.supernet import MobileSupernet

__all__ = ["PUBLISHED", "MobileGenotype", "MobileMacro", "MobileSpace", "MobileSupernet"]

__getattr__ = lazy(__name__, {"MobileSpace": "space", "MobileSupernet": "supernet"})
