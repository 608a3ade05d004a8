"""The neural predictor of Wen et al.: a graph convolutional network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus.predictors.graphs.graph_networks import GraphNetworks

if TYPE_CHECKING:
    from torch import nn

__all__ = ["GcnPredictor"]

# A deviation takes several; the paper has one network, since it does not explore.
_MEMBERS = 3
# The paper's three layers of 144 take twenty times as long to fit, and it fits them once.
_LAYERS, _WIDTH, _HEAD = 3, 32, 128
_DROPOUT = 0.1


class GcnPredictor(GraphNetworks):
    """Graph convolutions in both directions (Wen et al., 2020, arXiv 1912.00848, Eq. 2), the mean, two linear layers.

    Smaller than in the paper, and three of them. A ``prior`` is left out.
    """

    _steps, _rate, _batch = 100, 0.01, 64

    def _made(self) -> list[nn.Module]:
        from nni_nasplus.predictors.neural.modules import Gcn

        return [Gcn(len(self._words), _LAYERS, _WIDTH, _HEAD, _DROPOUT) for _ in range(_MEMBERS)]
