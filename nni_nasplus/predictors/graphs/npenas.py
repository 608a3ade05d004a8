"""The neural predictor of NPENAS: a graph isomorphism network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus.predictors.graphs.graph_networks import GraphNetworks

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NpenasPredictor"]

# A deviation takes several; the paper's NP, which is greedy, has one network.
_MEMBERS = 3
# Those of the paper.
_LAYERS, _WIDTH, _HEAD = 3, 32, 16


class NpenasPredictor(GraphNetworks):
    """Three graph isomorphism layers of 32, the mean over nodes, and a layer of 16 (Wei et al., arXiv 2003.12857).

    Where the paper's ends in a sigmoid, ours is linear: warped utilities are not between 0 and 1. It proposes greedily:
    ``acquisition greedy``. A ``prior`` is left out.
    """

    _steps, _rate, _batch = 100, 0.01, 64

    def _made(self) -> list[nn.Module]:
        from nni_nasplus.predictors.neural.modules import Gin

        return [Gin(len(self._words), _LAYERS, _WIDTH, _HEAD) for _ in range(_MEMBERS)]
