"""PC-DARTS: partial channels and normalised edges (Xu et al., arXiv 1907.05737)."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import Supernet, supernet_of
from nni_nasplus.one_shot.differentiable import Draw, Half
from nni_nasplus.one_shot.mixture import new_alphas, softmax
from nni_nasplus.strategies.differentiable.darts import DARTS

__all__ = ["PCDARTS"]


class PCDARTS(DARTS):
    """Compute one channel in K on each edge, and weigh the edges that lead to a node by a softmax of their own, β.

    The answer is what weighs most by softmax(α) · softmax(β). α and β stand still at first. The defaults are those of
    the authors' code on CIFAR-10, but for its batches of 256.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(DARTS.Options):
        """Those of PC-DARTS.

        Parameters
        ----------
        fraction
            K: 4 on CIFAR-10, 2 on ImageNet.
        """

        rate: float = 0.1
        final_rate: float = 0.0
        alpha_rate: float = 6e-4
        warm_up: float = 0.3
        fraction: int = 4

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("fraction", self.fraction >= 1, "1 or more")

    options: Options

    def __init__(self, supernet: Supernet, *arguments: Any, **others: Any) -> None:
        super().__init__(supernet, *arguments, **others)
        rows = new_alphas(supernet, self.generator)
        self.betas = nn.ParameterDict({cell: row[:, 0].detach().clone() for cell, row in rows.items()})

    @classmethod
    def make_supernet(cls, space: NetworkSpace, options: Any) -> Supernet:
        """One that computes a part of the channels."""
        make = getattr(space, "supernet", None)
        if make is not None and "fraction" not in signature(make).parameters:
            raise UserError(f"the supernet of {type(space).__name__} has no partial channels; use darts")
        return supernet_of(space, **{"fraction": options.fraction, **options.sizes})

    @property
    def architecture_parameters(self) -> list[nn.Parameter]:
        """α and β."""
        return [*self.alphas.parameters(), *self.betas.parameters()]

    def draws(self, half: Half) -> list[Draw]:
        """The softmax of α, each edge times its share."""
        return [(1.0, softmax(self.supernet, self.alphas, edges=self.shares()))]

    def shares(self) -> dict[str, Tensor]:
        """The softmax of β over the edges that lead to the same node, [E] by kind of cell (eq. 3)."""
        found = {}
        for cell, beta in self.betas.items():
            targets = torch.tensor([edge.target for edge in self.supernet.edges if edge.cell == cell])
            same = (targets[:, None] == targets).to(beta.device)
            found[cell] = beta.masked_fill(~same, -torch.inf).softmax(-1).diagonal()
        return found

    def strengths(self) -> dict[str, Tensor]:
        """softmax(α) · softmax(β)."""
        shares = self.shares()
        return {cell: rows * shares[cell].unsqueeze(-1) for cell, rows in super().strengths().items()}
