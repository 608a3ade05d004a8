"""What searches have in common whose loss grows with the expected cost of the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.expected import Cost, Costs, costs_of
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import MixedOperation, Supernet
from nni_nasplus.one_shot.differentiable import Differentiable
from nni_nasplus.one_shot.mixture import softmax
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture

__all__ = ["CostAware"]

_COSTS = "costs"
_ORDER: tuple[Cost, ...] = ("latency_ms", "flops", "parameters")
"""Which of several limits is meant: that which is hardest to keep to by others."""
_LADDER = [0.0, *(1e-3 * 1.25**step for step in range(80))]
"""Multipliers of the cost, in the mean cost of an operation, from none to some 50,000 nats."""
_SMALLEST = 1e-30


class CostAware(Differentiable):
    """A differentiable search that knows what each operation costs.

    What it finds is the most probable architecture within the limits: log-probabilities minus a multiple of the cost,
    which is raised until the architecture keeps to all of them.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of all such searches.

        Parameters
        ----------
        cost
            What is to be small: flops, parameters, or latency_ms on one thread of this machine or by the table of the
            run; by default what the search has a limit on, else flops.
        reference
            What costs are divided by, in the unit of the cost; 0 for the limit, or without one what the supernet costs
            in the mean at first.
        """

        cost: Literal["limited", "flops", "parameters", "latency_ms"] = "limited"
        reference: float = 0.0

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_not_negative("reference")

    options: Options
    example: Any = None
    costs: Costs

    @classmethod
    def make_supernet(cls, space: NetworkSpace, options: Any) -> Supernet:
        """One of mixtures of modules, whose costs can be told."""
        supernet = super().make_supernet(space, options)
        if not any(isinstance(module, MixedOperation) for module in supernet.modules()):
            raise UserError(
                f"{cls.__name__} adds up costs of operations, and {type(space).__name__} has no modules for them; "
                "use darts"
            )
        return supernet

    @classmethod
    def of(cls, space: Any, evaluator: Any, **settings: Any) -> Any:
        """The search of a space."""
        search = super().of(space, evaluator, **settings)
        search.example = space.example()
        return search

    def on_fit_start(self) -> None:
        """Know what operations cost."""
        self._measure()
        super().on_fit_start()

    def _measure(self) -> None:
        """Count or measure what operations cost, unless a search that goes on knows."""
        if _COSTS not in self.memory:
            latency = self.latency() if self.cost == "latency_ms" and self.latency is not None else None
            found = costs_of(self.supernet, self.example, self.cost, latency)
            self.memory[_COSTS] = {"rows": dict(found.rows), "fixed": found.fixed}
        self.costs = Costs(**self.memory[_COSTS], routes=self.supernet.routes)

    @property
    def cost(self) -> Cost:
        """What is to be small."""
        return next(iter(self._limited), "flops") if self.options.cost == "limited" else self.options.cost

    @property
    def _limited(self) -> list[Cost]:
        return [cost for cost in _ORDER if self.limits and getattr(self.limits, f"max_{cost}") is not None]

    @property
    def reference(self) -> float:
        """What costs are divided by."""
        limit = getattr(self.limits, f"max_{self.cost}") if self.cost in self._limited else None
        return self.options.reference or limit or float(self.costs.expected(self._at_first()))

    def _at_first(self) -> Mapping[str, Tensor]:
        """Weights of operations that are all alike."""
        zeros = {cell: torch.zeros(mask.shape) for cell, mask in self.supernet.masks.items()}
        return softmax(self.supernet, zeros).weights

    def expected(self, weights: Mapping[str, Tensor]) -> Tensor:
        """The expected cost of these weights of operations, divided by the reference."""
        return self.costs.expected(weights) / self.reference

    def architectures(self) -> Ranking:
        """The most probable within the limits.

        Raises
        ------
        UserError
            If the cheapest of all exceeds a limit.
        """
        return Ranking.of([self._within()], [0.0])

    def _within(self) -> Architecture:
        unit = float(torch.cat([rows.flatten() for rows in self.costs.rows.values()]).mean()) or 1.0
        for multiplier in _LADDER:
            found = self._most_probable(multiplier / unit)
            excess = self.excess(found) if self.excess else None
            if excess is None:
                return found
        raise UserError(
            f"the cheapest network of the supernet is too large: {excess}; use a higher limit, or a smaller "
            "network, such as by width or channels"
        )

    def _most_probable(self, price: float) -> Architecture:
        """Where log-probabilities minus costs times a price are largest."""
        return self.supernet.derive(self._scores(self.strengths(), price))

    def _scores(self, weights: Mapping[str, Tensor], price: float) -> dict[str, Tensor]:
        logarithms = {cell: rows.detach().cpu().clamp(min=_SMALLEST).log() for cell, rows in weights.items()}
        return {cell: rows - price * self.costs.rows[cell] for cell, rows in logarithms.items()}

    def tell(self, losses: dict[str, float]) -> None:
        """Tell the host what the network would cost in the mean, too."""
        cost = float(self.costs.expected({cell: rows.detach().cpu() for cell, rows in self.strengths().items()}))
        super().tell({**losses, f"expected_{self.cost}": cost})
