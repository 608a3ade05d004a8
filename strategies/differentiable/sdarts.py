"""SmoothDARTS: the weights are trained for what is near α, too (Chen and Hsieh, arXiv 2002.05283)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from nni_nasplus.networks.supernet import Mixture
from nni_nasplus.one_shot.differentiable import Draw
from nni_nasplus.one_shot.mixture import softmax
from nni_nasplus.strategies.differentiable.darts import DARTS

__all__ = ["SDARTS"]

_ASCENTS = 7
"""Steps of the attack, as in the authors' code; each is 2ε / 7 long, so that it may cross the box."""


class SDARTS(DARTS):
    """Train the weights with a softmax of α that is moved by at most ε in each entry; α itself as DARTS does.

    With ``attack`` the move is the one that raises the loss of the batch most, found by sign gradients from a random
    start; else it is random. ε grows by equal steps with the epoch. What is moved is cut to [0, 1], and divided by its
    sum.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(DARTS.Options):
        """Those of SDARTS.

        Parameters
        ----------
        perturbation
            ``random`` (SDARTS-RS) or ``adversarial`` (SDARTS-ADV), which takes eight times as long.
        first_radius, last_radius
            ε in the first epoch, and where it would be after the last.
        """

        perturbation: Literal["random", "adversarial"] = "random"
        first_radius: float = 0.03
        last_radius: float = 0.3

        def __post_init__(self) -> None:
            super().__post_init__()
            for name in ("first_radius", "last_radius"):
                self._require(name, 0 <= getattr(self, name) <= 1, "0 to 1")

    options: Options

    @property
    def radius(self) -> float:
        """ε in this epoch."""
        first, last = self.options.first_radius, self.options.last_radius
        return first + (last - first) * self.epoch / self.epochs

    def weight_draws(self, batch: Any) -> list[Draw]:
        """The softmax of α, moved."""
        with torch.no_grad():
            plain = softmax(self.supernet, self.alphas)
        moves = {cell: self._random(rows) for cell, rows in plain.weights.items()}
        if self.options.perturbation == "adversarial":
            moves = self._attack(batch, plain, moves)
        return [(1.0, self._moved(plain, moves))]

    def _random(self, rows: Tensor) -> Tensor:
        """Uniform in [−ε, ε]."""
        drawn = torch.rand(rows.shape, generator=self.generator).to(rows)
        return (2 * drawn - 1) * self.radius

    def _attack(self, batch: Any, plain: Mixture, start: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Ascend the loss in the box (eq. 7); none where the loss is higher without."""
        moves = {cell: rows.clone() for cell, rows in start.items()}
        was_training = self.supernet.training
        self.supernet.eval()
        for _ in range(_ASCENTS):
            inputs = {cell: rows.requires_grad_() for cell, rows in moves.items()}
            loss = self.loss(batch, self._moved(plain, inputs))
            slopes = torch.autograd.grad(loss, list(inputs.values()))
            steps = zip(moves.items(), slopes, strict=True)
            length = 2 * self.radius / _ASCENTS
            moves = {
                cell: (rows.detach() + length * slope.sign()).clamp(-self.radius, self.radius)
                for (cell, rows), slope in steps
            }
        with torch.no_grad():
            fell = self.loss(batch, self._moved(plain, moves)) < self.loss(batch, plain)
        self.supernet.train(was_training)
        return {cell: torch.zeros_like(rows) for cell, rows in moves.items()} if fell else moves

    def _moved(self, plain: Mixture, moves: Mapping[str, Tensor]) -> Mixture:
        """Weights and moves together, on the simplex; what is pruned stays at 0."""
        weights = {}
        for cell, rows in plain.weights.items():
            near = (rows + moves[cell]).clamp(0, 1) * plain.active[cell].to(rows)
            weights[cell] = near / near.sum(-1, keepdim=True).clamp(min=torch.finfo(rows.dtype).eps)
        return plain._replace(weights=weights)
