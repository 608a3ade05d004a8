"""DARTS that stops before it collapses: DARTS-ES (Zela et al., arXiv 1909.09656), DARTS+ (Liang et al., 1909.06035)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nni_nasplus.networks.supernet import SKIP
from nni_nasplus.one_shot.alpha_gradients import hessian
from nni_nasplus.strategies.differentiable.darts import DARTS

__all__ = ["DARTSES", "DARTSPlus"]


class DARTSPlus(DARTS):
    """DARTS that ends with the epoch in which the first kind of cell has two skip connections.

    It ends as well when the order of the operations of every edge has stayed for ten epochs. That second rule is
    written from memory of the paper.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(DARTS.Options):
        """Those of DARTS+.

        Parameters
        ----------
        skips
            So many skip connections in a cell end the search.
        stable
            So many epochs in a row without a change of any order end it, too.
        """

        skips: int = 2
        stable: int = 10

        def __post_init__(self) -> None:
            super().__post_init__()
            for name in ("skips", "stable"):
                self._require(name, getattr(self, name) >= 1, "1 or more")

    options: Options

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Look at the architecture that would be derived, and at the order of α."""
        if not self.alphas_move:
            return
        order = {cell: rows.argsort(dim=-1, stable=True).tolist() for cell, rows in self.strengths().items()}
        self.memory["since"] = self.memory.get("since", 0) + 1 if order == self.memory.get("order") else 0
        self.memory["order"] = order
        first = self.supernet.edges[0].cell
        skips = sum(name == SKIP and edge.cell == first for edge, name in self.supernet.selected(self.derived()))
        if skips >= self.options.skips or self.memory["since"] >= self.options.stable:
            self.stop()


class DARTSES(DARTS):
    """DARTS that ends when the validation loss becomes sharp in α, and answers with an α from before.

    After each epoch λ, the largest eigenvalue of the second derivatives of a batch's validation loss in α, is measured.
    The search ends when the mean of the last five is so many times what that mean was four epochs earlier, and the
    answer is that of those four epochs earlier. Eigenvalues are taken of the symmetric part; the authors' code takes
    them of a general matrix.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(DARTS.Options):
        """Those of DARTS-ES.

        Parameters
        ----------
        rise
            The ratio of means that ends the search.
        window
            How many λ a mean is over.
        back
            How many epochs earlier the other mean, and the answer, are from.
        least
            The share of the epochs before the earliest answer.
        """

        rise: float = 1.3
        window: int = 5
        back: int = 4
        least: float = 0.2

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("rise", self.rise > 0, "more than 0")
            for name in ("window", "back"):
                self._require(name, getattr(self, name) >= 1, "1 or more")
            self._require("least", 0 <= self.least <= 1, "0 to 1, a share of the epochs")

    options: Options

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Measure λ; go back and stop where it has risen."""
        self.memory.setdefault("sharpness", []).append(self.sharpness(batch))
        kept = self.memory.setdefault("alphas", [])
        kept.append({cell: alpha.detach().clone() for cell, alpha in self.alphas.items()})
        del kept[: -self.options.back - 1]
        if self.has_risen(self.memory["sharpness"]):
            with torch.no_grad():
                for cell, alpha in self.alphas.items():
                    alpha.copy_(kept[0][cell])
            self.stop()

    def sharpness(self, batch: Mapping[str, Any]) -> float:
        """λ of the validation batch."""
        loss = self.expected_loss(batch["valid"], "alphas")
        return largest_eigenvalue(hessian(loss, self.architecture_parameters))

    def has_risen(self, measured: list[float]) -> bool:
        """Whether the mean of the last λ is too large beside an earlier one."""
        o = self.options
        earlier = len(measured) - o.back
        if earlier < 1 or earlier - 1 < o.least * o.epochs:
            return False
        means = [sum(part) / len(part) for part in (measured[-o.window :], measured[:earlier][-o.window :])]
        return means[1] > 0 and means[0] / means[1] > o.rise


def largest_eigenvalue(matrix: Tensor) -> float:
    """Of the symmetric part."""
    return float(torch.linalg.eigvalsh((matrix + matrix.T) / 2)[-1])
