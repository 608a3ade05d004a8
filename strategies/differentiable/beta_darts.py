"""β-DARTS: α is kept from growing apart (Ye et al., arXiv 2203.01665)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nni_nasplus.strategies.differentiable.darts import DARTS

__all__ = ["BetaDARTS"]


class BetaDARTS(DARTS):
    """DARTS with λ · log Σ exp α, the mean over all edges of all cells, added to the loss of α (eq. 9).

    λ grows by equal steps from 0 in the first epoch. Its gradient in an α is its softmax, divided by the number of
    edges.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(DARTS.Options):
        """Those of β-DARTS.

        Parameters
        ----------
        strength
            λ where the search ends; 0 for plain DARTS.
        """

        epochs: int = 100
        strength: float = 50.0

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("strength", self.strength >= 0, "0 or more")

    options: Options

    def penalty(self) -> Tensor:
        """λ · log Σ exp α."""
        growth = self.options.strength * self.epoch / self.epochs
        rows = [self._alive(cell, alpha).logsumexp(-1) for cell, alpha in self.alphas.items()]
        return growth * torch.cat(rows).mean()

    def _alive(self, cell: str, alpha: Tensor) -> Tensor:
        return alpha.masked_fill(~self.supernet.masks[cell].to(alpha.device), torch.finfo(alpha.dtype).min)
