"""XNAS: operations are experts, whose weights grow exponentially (Nayman et al., arXiv 1906.08031)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nni_nasplus.networks.supernet import Mixture
from nni_nasplus.one_shot.differentiable import Differentiable
from nni_nasplus.one_shot.mixture import softmax

__all__ = ["XNAS"]


class XNAS(Differentiable):
    """Multiply the weight of each operation by exp(η · reward); those that cannot catch up any more are wiped out.

    α is the logarithm of the weights, so the mixture is its softmax. The reward of an operation is minus the derivative
    of the validation loss in its share of the mixture, cut to [−L, L]. With T steps and N operations η is
    √(2 ln N / T) / L, and after t of them an operation goes whose α is more than 2ηL(T − t) below the largest of its
    edge: even the best rewards would not bring it there.

    Written from the idea of the paper; settings and results are not verified.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of XNAS.

        Parameters
        ----------
        bound
            L.
        """

        bound: float = 1.0

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("bound", 0 < self.bound < math.inf, "more than 0")

    options: Options

    @property
    def steps(self) -> int:
        """T: the steps in which α moves."""
        return max(1, (self.epochs - self.options.first_alpha_epoch) * self.steps_per_epoch)

    @property
    def eta(self) -> float:
        """η."""
        return math.sqrt(2 * math.log(max(2, len(self.supernet.operations))) / self.steps) / self.options.bound

    def alpha_gradients(self, batch: Mapping[str, Any]) -> tuple[Tensor, list[Tensor]]:
        """The derivatives of the validation loss in the shares."""
        with torch.no_grad():
            plain = softmax(self.supernet, self.alphas)
        shares = {cell: rows.requires_grad_() for cell, rows in plain.weights.items()}
        loss = self.loss(batch["valid"], Mixture(shares, plain.active))
        return loss, list(torch.autograd.grad(loss, list(shares.values())))

    def move_alphas(self) -> None:
        """α − η · slope, and the wipe-out."""
        left = max(0, self.steps - (self.step + 1 - self.options.first_alpha_epoch * self.steps_per_epoch))
        within = 2 * self.eta * self.options.bound * left
        with torch.no_grad():
            for alpha in self.architecture_parameters:
                assert alpha.grad is not None
                alpha.sub_(self.eta * alpha.grad.clamp(-self.options.bound, self.options.bound))
        for cell, alpha in self.alphas.items():
            self._wipe_out(cell, alpha.detach().cpu(), within)

    def _wipe_out(self, cell: str, alpha: Tensor, within: float) -> None:
        edges = [edge for edge in self.supernet.edges if edge.cell == cell]
        for edge, row in zip(edges, alpha.tolist(), strict=True):
            names = self.supernet.alive(edge)
            values = {name: row[self.supernet.operations.index(name)] for name in names}
            for name in names:
                if values[name] < max(values.values()) - within - 1e-9 and not self.supernet.needs(edge, name):
                    self.supernet.prune(edge, name)
