"""BayesNAS: gates that the data do not need are pruned (Zhou et al., arXiv 1905.04919)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nni_nasplus.errors import UserError
from nni_nasplus.networks.supernet import NONE, Edge, Supernet
from nni_nasplus.one_shot.alpha_gradients import hessian
from nni_nasplus.one_shot.differentiable import Differentiable, Draw, Half
from nni_nasplus.one_shot.mixture import mixed

__all__ = ["BayesNAS", "relevance"]


class BayesNAS(Differentiable):
    """Give each operation a gate with a normal prior of its own variance γ, and prune where γ becomes small.

    The gates are α, 1 at first, and the weight of an operation is its gate divided by the number of operations;
    ``none`` has no gate. α and the weights are trained on the same batch, with λ times the sum of the sizes of the
    gates added, each weighted by its ω. After each epoch the second derivatives of the loss in the gates say how sure
    the data are of each (:func:`relevance`), from which ω and γ follow, and a gate goes whose entropy, ½ ln 2πeγ, is
    below the threshold. The last one that leads to a node and, where networks choose edges, of each edge stays. The
    answer is the largest gates among those that are left.

    Written from the idea of the paper, with the reweighting of automatic relevance determination (Wipf and Nagarajan,
    2008): the dependence of an edge on those before it is not part of it, the settings are ours, and nothing of what
    was published is verified.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of BayesNAS.

        Parameters
        ----------
        strength
            λ, the variance that the loss is believed to have.
        threshold
            Of the entropy in nats.
        """

        alpha_rate: float = 3e-3
        alpha_decay: float = 0.0
        strength: float = 0.01
        threshold: float = 0.0

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_positive("strength")
            self._require("threshold", math.isfinite(self.threshold), "a number")

    order: tuple[str, ...] = ("both",)
    options: Options

    def __init__(self, supernet: Supernet, *arguments: Any, **others: Any) -> None:
        super().__init__(supernet, *arguments, **others)
        for edge in supernet.edges:
            if NONE in supernet.alive(edge):
                supernet.prune(edge, NONE)  # which no data can speak about: it is what an edge without gates is
        with torch.no_grad():
            for alpha in self.alphas.values():
                alpha.add_(1.0)
        ones = {cell: torch.ones(mask.shape) for cell, mask in supernet.masks.items()}
        self.memory |= {"variances": ones, "penalties": ones}

    def draws(self, half: Half) -> list[Draw]:
        """The gates."""
        share = 1 / len(self.supernet.operations)
        return [(1.0, mixed(self.supernet, self.alphas, lambda alpha, mask: share * alpha * mask))]

    def penalty(self) -> Tensor:
        """λ times the sum of the sizes of the gates, each weighted by its ω."""
        rows = [(self.memory["penalties"][cell].to(alpha) * alpha.abs()).sum() for cell, alpha in self.alphas.items()]
        return self.options.strength * torch.stack(rows).sum()

    def strengths(self) -> dict[str, Tensor]:
        """The sizes of the gates."""
        return {cell: alpha.abs() * self.supernet.masks[cell].to(alpha) for cell, alpha in self.alphas.items()}

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Look how sure the data are of the gates, and prune."""
        if not self.alphas_move:
            return
        curvatures = self._curvatures(batch)
        for cell, alpha in self.alphas.items():
            old = self.memory["variances"][cell]
            variances, penalties = relevance(alpha.detach().cpu(), old, curvatures[cell] / self.options.strength)
            self.memory["variances"] = {**self.memory["variances"], cell: variances}
            self.memory["penalties"] = {**self.memory["penalties"], cell: penalties}
        for edge in self.supernet.edges:
            self._prune(edge)

    def _curvatures(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """∂²loss / ∂gate², 0 at the least."""
        loss = self.expected_loss(batch["train"], "alphas")
        diagonal = hessian(loss, self.architecture_parameters).diagonal().cpu().clamp(min=0)
        parts = diagonal.split([alpha.numel() for alpha in self.alphas.values()])
        return {cell: part.view(alpha.shape) for (cell, alpha), part in zip(self.alphas.items(), parts, strict=True)}

    def _prune(self, edge: Edge) -> None:
        row = [one for one in self.supernet.edges if one.cell == edge.cell].index(edge)
        entropies = 0.5 * (2 * math.pi * math.e * self.memory["variances"][edge.cell][row]).log()
        known = dict(zip(self.supernet.operations, entropies.tolist(), strict=True))
        for name in sorted(self.supernet.alive(edge), key=known.__getitem__):
            if known[name] < self.options.threshold and not self.supernet.needs(edge, name):
                with suppress(UserError):  # it is the last one that leads to its node
                    self.supernet.prune(edge, name)


def relevance(gates: Tensor, variances: Tensor, curvatures: Tensor) -> tuple[Tensor, Tensor]:
    """A step of the reweighting of automatic relevance determination, element by element.

    A gate under a loss ½h(gate − a)² with the best penalty ends at variance 0 just where h·a² is 1 at most.

    Parameters
    ----------
    gates
        The best gates under the penalties of before.
    variances
        γ of before, more than 0.
    curvatures
        h, 0 or more.

    Returns
    -------
    The new γ, and the new penalties ω = √(1/γ − c/γ²), where c = 1 / (1/γ + h) is the variance after the data.
    """
    tiny = torch.finfo(gates.dtype).eps
    after = 1 / (1 / variances + curvatures)
    penalties = ((1 - after / variances) / variances).clamp(min=tiny).sqrt()
    return (gates.abs() / penalties).clamp(min=tiny), penalties
