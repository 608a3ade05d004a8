"""ProxylessNAS: binary gates, and the latency of a device in the loss (Cai et al., arXiv 1812.00332)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from nni_nasplus.networks.supernet import Mixture
from nni_nasplus.one_shot.alpha_gradients import first_order
from nni_nasplus.one_shot.differentiable import Draw, Half
from nni_nasplus.one_shot.mixture import drawn, log_probability, masked_softmax, softmax
from nni_nasplus.strategies.differentiable.devices.cost_aware import CostAware
from nni_nasplus.strategies.differentiable.devices.pairs import shift, two_of

__all__ = ["ProxylessNAS"]

_BASELINE = "baseline"


class ProxylessNAS(CostAware):
    """Compute one path a step, and train α by the gradients of binary gates, or by REINFORCE.

    A step of the weights computes one operation in each place, drawn by the softmax of α. A step of α draws two
    operations in each place, of which a gate lets one through; the loss has gradients for both gates, and these give α
    its gradient as if the softmax over both had weighed them (eq. 4, section 3.2.1). Afterwards both α are shifted, so
    that the probabilities of all others are what they were. The expected cost is that of the two.

    The defaults are those of the authors' code, but for the learning rate of the weights, which is that of DARTS: α
    stands still in the first quarter of the epochs, then moves in every fifth step.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(CostAware.Options):
        """Those of ProxylessNAS.

        Parameters
        ----------
        update
            How α gets its gradient: by two gates, or from the losses of paths that are drawn (section 3.3.2).
        combine
            How the expected cost E comes into the loss, r being the reference: ``sum``, CE + λ · (E/r − 1), or
            ``product``, CE · (log E / log r)^λ, where costs must be more than 1.
        pressure
            λ.
        every
            α moves in one of so many steps.
        samples
            Paths in a step of REINFORCE.
        baseline_decay
            What of its baseline is kept in a step, in [0, 1).
        """

        epochs: int = 160
        nesterov: bool = True
        weight_decay: float = 4e-5
        alpha_rate: float = 1e-3
        alpha_decay: float = 0.0
        warm_up: float = 0.25
        update: Literal["gates", "reinforce"] = "gates"
        combine: Literal["sum", "product"] = "sum"
        pressure: float = 0.1
        every: int = 5
        samples: int = 10
        baseline_decay: float = 0.99

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_counts("every", "samples")
            self._require_not_negative("pressure")
            self._require("baseline_decay", 0 <= self.baseline_decay < 1, "0 or more and less than 1")

    order: tuple[str, ...] = ("weights", "alphas")
    options: Options

    def draws(self, half: Half) -> list[Draw]:
        """One path."""
        return [(1.0, drawn(softmax(self.supernet, self.alphas), self.generator))]

    def alpha_gradients(self, batch: Mapping[str, Any]) -> tuple[Tensor, list[Tensor]]:
        """By gates or by REINFORCE, of the loss with the expected cost."""
        if self.options.update == "reinforce":
            return self._by_reinforce(batch["valid"])
        return self._by_gates(batch["valid"])

    def _by_gates(self, batch: Any) -> tuple[Tensor, list[Tensor]]:
        plain = softmax(self.supernet, self.alphas).weights
        self._pair = {cell: two_of(rows, self.generator) for cell, rows in plain.items()}
        shares = {cell: masked_softmax(alpha, self._pair[cell]) for cell, alpha in self.alphas.items()}
        both = {cell: rows.cpu() for cell, rows in self._pair.items()}
        path = drawn(Mixture({cell: rows.detach() for cell, rows in shares.items()}, both), self.generator)
        gates = {cell: rows.clone().requires_grad_() for cell, rows in path.weights.items()}
        loss = self.loss(batch, Mixture(gates, both))
        slopes = first_order(loss, list(gates.values()))
        entropy = loss.detach().requires_grad_()
        whole = self._with_cost(entropy, self.expected(shares))
        scale, *own = torch.autograd.grad(
            whole, [entropy, *self.alphas.values()], allow_unused=True, materialize_grads=True
        )
        through = [_through(rows.detach(), slope) for rows, slope in zip(shares.values(), slopes, strict=True)]
        return whole.detach(), [scale * gate + cost for gate, cost in zip(through, own, strict=True)]

    def _with_cost(self, loss: Tensor, expected: Tensor) -> Tensor:
        """The loss with the expected cost in it, given in references."""
        if self.options.combine == "sum":
            return loss + self.options.pressure * (expected - 1)
        reference = math.log(self._of_logarithms(self.reference))
        return loss * ((expected * self._of_logarithms(self.reference)).log() / reference) ** self.options.pressure

    def _of_logarithms(self, cost: float) -> float:
        """A cost in a unit of which there are many: latencies in microseconds."""
        return cost * 1000 if self.cost == "latency_ms" else cost

    def _by_reinforce(self, batch: Any) -> tuple[Tensor, list[Tensor]]:
        plain = softmax(self.supernet, self.alphas)
        paths = [drawn(plain, self.generator) for _ in range(self.options.samples)]
        with torch.no_grad():
            losses = torch.stack(
                [self._with_cost(self.loss(batch, path), self.expected(path.weights)) for path in paths]
            )
        mean = float(losses.mean())
        kept = self.options.baseline_decay
        before = self.memory.get(_BASELINE, mean)
        self.memory[_BASELINE] = kept * before + (1 - kept) * mean
        told = [(loss - before) * log_probability(plain, path) for loss, path in zip(losses, paths, strict=True)]
        return losses.mean(), first_order(torch.stack(told).mean(), self.architecture_parameters)

    def move_alphas(self) -> None:
        """A step of Adam; then both α of each place are shifted, as the probabilities of the others are to stay."""
        before = {cell: alpha.detach().clone() for cell, alpha in self.alphas.items()}
        super().move_alphas()
        if self.options.update == "gates":
            with torch.no_grad():
                for cell, alpha in self.alphas.items():
                    alpha.sub_(shift(before[cell], alpha, self._pair[cell]))

    def other_optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam without momentum: an α that was not drawn stays."""
        o = self.options
        return [torch.optim.Adam(self.architecture_parameters, o.alpha_rate, (0.0, 0.999), weight_decay=o.alpha_decay)]

    def _step_alphas(self, batch: Mapping[str, Any]) -> None:
        if self.step % self.options.every == 0:
            super()._step_alphas(batch)


def _through(shares: Tensor, slopes: Tensor) -> Tensor:
    """∂L/∂α_i = Σ_j ∂L/∂g_j · p_j · (δ_ij − p_i) (eq. 4)."""
    return shares * (slopes - (shares * slopes).sum(-1, keepdim=True))
