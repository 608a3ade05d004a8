"""FBNet: Gumbel-softmax, and the latency of a device in the loss (Wu et al., arXiv 1812.03443)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nni_nasplus.one_shot.alpha_gradients import first_order
from nni_nasplus.one_shot.differentiable import Draw, Half
from nni_nasplus.one_shot.mixture import gumbel
from nni_nasplus.strategies.differentiable.devices.cost_aware import CostAware

__all__ = ["FBNet"]


class FBNet(CostAware):
    """Weigh all operations by Gumbel-softmax, and multiply the loss by a power of what they cost in the mean.

    The loss of α is CE · (E / r)^λ, where E is the cost of the sampled weights and r the reference. The paper has
    α · log(E)^β in its place (eq. 2), whose size depends on the unit of E; a power of E / r has none, and is 1 at the
    reference. The temperature falls by equal factors, from 5, as in the paper; where it ends is ours.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(CostAware.Options):
        """Those of FBNet.

        Parameters
        ----------
        pressure
            λ.
        first_temperature, last_temperature
            τ falls from one to the other by equal factors.
        """

        epochs: int = 90
        rate: float = 0.1
        weight_decay: float = 1e-4
        alpha_rate: float = 0.01
        alpha_decay: float = 5e-4
        warm_up: float = 1 / 9
        pressure: float = 0.6
        first_temperature: float = 5.0
        last_temperature: float = 0.1

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_not_negative("pressure")
            self._require_positive("first_temperature", "last_temperature")

    order: tuple[str, ...] = ("weights", "alphas")
    options: Options

    @property
    def temperature(self) -> float:
        """τ in this epoch."""
        first, last = self.options.first_temperature, self.options.last_temperature
        return float(first * (last / first) ** self.progress)

    def draws(self, half: Half) -> list[Draw]:
        """One relaxed sample (eq. 5)."""
        return [(1.0, gumbel(self.supernet, self.alphas, self.temperature, self.generator, hard=False))]

    def alpha_gradients(self, batch: Mapping[str, Any]) -> tuple[Tensor, list[Tensor]]:
        """The gradient of the loss times a power of the cost of the same sample."""
        ((_, mixture),) = self.draws("alphas")
        loss = self.loss(batch["valid"], mixture) * self.expected(mixture.weights) ** self.options.pressure
        return loss, first_order(loss + self.penalty(), self.architecture_parameters)
