"""DenseNAS: the width of blocks and their number by routes, with what a network costs in a chain (arXiv 1906.09607)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.networks.supernet import Mixture, Supernet
from nni_nasplus.one_shot.alpha_gradients import first_order
from nni_nasplus.one_shot.differentiable import Draw, Half
from nni_nasplus.one_shot.mixture import drawn, masked_softmax, softmax
from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.differentiable.devices.cost_aware import CostAware
from nni_nasplus.strategies.differentiable.devices.pairs import shift, two_of

__all__ = ["DenseNAS"]

_SPREAD = 1e-3
"""Of β at first, as of α."""


class DenseNAS(CostAware):
    """Weigh the connections that leave a block by a softmax of their own, β, and draw operations on all of them.

    A step of the weights computes one operation on each connection and in each layer, drawn by the softmax of α; one
    of α and β two of them, weighed by the softmax over both, after which both α are shifted, so that the probabilities
    of all others are what they were. What was not drawn stays, which in the authors' code Adam moves by momentum. The
    loss of α and β is CE + λ · log_b(E / r), where E is the expected cost by the chain (section 3.3), of which each
    block weighs what follows by β, and r the reference, which moves nothing. The answer is the most probable route
    by β, of which each connection and layer has its most probable operation. A supernet without routes has no β.

    The defaults are those of the authors' code, but for the learning rate of the weights, which is that of DARTS.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(CostAware.Options):
        """Those of DenseNAS.

        Parameters
        ----------
        pressure
            λ.
        base
            b, more than 1.
        """

        epochs: int = 150
        final_rate: float = 1e-4
        weight_decay: float = 4e-5
        warm_up: float = 1 / 3
        pressure: float = 0.15
        base: float = 15.0

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_not_negative("pressure")
            self._require("base", 1 < self.base < math.inf, "more than 1")

    order: tuple[str, ...] = ("weights", "alphas")
    weighs_routes = True
    options: Options

    def __init__(self, supernet: Supernet, *arguments: Any, **others: Any) -> None:
        super().__init__(supernet, *arguments, **others)
        count = len(supernet.routes.connections) if supernet.routes else 0
        self.betas = nn.Parameter(_SPREAD * torch.randn(count, generator=self.generator))

    @property
    def architecture_parameters(self) -> list[nn.Parameter]:
        """α and β."""
        return [*self.alphas.parameters(), self.betas]

    def draws(self, half: Half) -> list[Draw]:
        """One operation on each connection and in each layer."""
        return [(1.0, self._routed(drawn(softmax(self.supernet, self.alphas), self.generator)))]

    def _routed(self, mixture: Mixture) -> Mixture:
        """A mixture whose connections have their shares, too."""
        return mixture._replace(weights=self._shared_out(mixture.weights))

    def _shared_out(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        routes = self.supernet.routes
        return weights if routes is None else routes.shared_out(weights, self.shares())

    def shares(self) -> Tensor:
        """[C] the softmax of β over the connections that leave a block; 0 where one is pruned."""
        assert self.supernet.routes is not None
        gone = ~self.supernet.masks[self.supernet.routes.cell].any(-1)
        return self.supernet.routes.shares(self.betas.masked_fill(gone.to(self.betas.device), -torch.inf))

    def alpha_gradients(self, batch: Mapping[str, Any]) -> tuple[Tensor, list[Tensor]]:
        """The gradient through two operations in each place, of the loss with the logarithm of what they cost."""
        plain = softmax(self.supernet, self.alphas).weights
        self._pair = {cell: two_of(rows, self.generator) for cell, rows in plain.items()}
        both = {cell: masked_softmax(alpha, self._pair[cell]) for cell, alpha in self.alphas.items()}
        mixture = self._routed(Mixture(both, {cell: pair.cpu() for cell, pair in self._pair.items()}))
        loss = self.loss(batch["valid"], mixture) + self.penalty_of(mixture.weights)
        return loss, first_order(loss, self.architecture_parameters)

    def penalty_of(self, weights: Mapping[str, Tensor]) -> Tensor:
        """λ · log_b of the expected cost, in references."""
        return self.options.pressure * self.expected(weights).log() / math.log(self.options.base)

    def move_alphas(self) -> None:
        """A step of Adam, in which only what was drawn moves; then both α of each place are shifted."""
        before = {cell: alpha.detach().clone() for cell, alpha in self.alphas.items()}
        super().move_alphas()
        with torch.no_grad():
            for cell, alpha in self.alphas.items():
                pair = self._pair[cell]
                alpha.copy_(torch.where(pair, alpha, before[cell]))
                alpha.sub_(shift(before[cell], alpha, pair))

    def strengths(self) -> dict[str, Tensor]:
        """The softmax of α, that of a connection times its share."""
        return dict(self._shared_out(super().strengths()))

    def _at_first(self) -> Mapping[str, Tensor]:
        weights, routes = super()._at_first(), self.supernet.routes
        return weights if routes is None else routes.shared_out(weights, routes.shares(torch.zeros(len(self.betas))))

    def _most_probable(self, price: float) -> Architecture:
        """The most probable operations, and the route that is most probable where they cost so much."""
        if (routes := self.supernet.routes) is None:
            return super()._most_probable(price)
        scores = self._scores(super().strengths(), price)
        alive = {cell: rows.masked_fill(~self.supernet.masks[cell], -torch.inf) for cell, rows in scores.items()}
        best = {cell: nn.functional.one_hot(rows.argmax(-1), rows.shape[-1]).float() for cell, rows in alive.items()}
        costs = {cell: (rows * self.costs.rows[cell]).sum(-1) for cell, rows in best.items()}
        connections = self.shares().detach().cpu().log() - price * costs[routes.cell]
        taken = torch.zeros(len(self.betas), 1)
        taken[routes.best(connections, -price * routes.within(costs))] = 1.0
        return self.supernet.derive({**best, routes.cell: best[routes.cell] * taken})
