"""TE-NAS (arXiv 2102.11535): a supernet is pruned by scores of untrained networks until one architecture is left.

Importing this package does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy
from nni_nasplus.strategies.te_nas.strategy import TeNas

if TYPE_CHECKING:
    from nni_nasplus.strategies.te_nas.batches import drawn_from
    from nni_nasplus.strategies.te_nas.networks import Networks, networks_of
    from nni_nasplus.strategies.te_nas.search import TENAS

__all__ = ["TENAS", "Networks", "TeNas", "drawn_from", "networks_of"]

__getattr__ = lazy(
    __name__, {"TENAS": "search", "Networks": "networks", "drawn_from": "batches", "networks_of": "networks"}
)
