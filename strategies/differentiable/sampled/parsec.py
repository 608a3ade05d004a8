"""PARSEC: sampled architectures, weighed by their likelihood (Casale et al., arXiv 1902.05116)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nni_nasplus.one_shot.differentiable import Differentiable, Draw, Half
from nni_nasplus.one_shot.mixture import drawn, log_probability, softmax

__all__ = ["PARSEC"]


class PARSEC(Differentiable):
    """Draw architectures by the softmax of α, and raise the probability of those that are likely given the data.

    In a step a few are drawn. Each counts by the likelihood of the validation batch under it, divided by the sum of
    these: with these shares α ascends the mean of the log-probabilities of the architectures, and the weights descend
    the mean of their training losses. No mixture of operations is ever computed.

    Written from the idea of the paper, with DARTS' optimisers; its settings and results are not verified.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of PARSEC.

        Parameters
        ----------
        samples
            Architectures in a step.
        """

        samples: int = 4

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("samples", self.samples >= 1, "1 or more")

    options: Options

    def draws(self, half: Half) -> list[Draw]:
        """Architectures of equal shares."""
        plain = softmax(self.supernet, self.alphas)
        return [(1 / self.options.samples, drawn(plain, self.generator)) for _ in range(self.options.samples)]

    def alpha_gradients(self, batch: Mapping[str, Any]) -> tuple[Tensor, list[Tensor]]:
        """The gradient of −Σ share · log-probability; the weights are trained with the same architectures."""
        paths = [path for _, path in self.draws("alphas")]
        with torch.no_grad():
            losses = torch.stack([self.loss(batch["valid"], path) for path in paths])
            shares = (-losses * self.batch_size(batch["valid"])).softmax(0)
        self._paths = list(zip(shares.tolist(), paths, strict=True))
        plain = softmax(self.supernet, self.alphas)
        told = [share * log_probability(plain, path) for share, path in zip(shares, paths, strict=True)]
        slopes = torch.autograd.grad(-torch.stack(told).sum() + self.penalty(), self.architecture_parameters)
        return (shares * losses).sum(), list(slopes)

    def weight_draws(self, batch: Any) -> list[Draw]:
        """The architectures of the step of α, with their shares; where α stands still, others of equal shares."""
        return self._paths if self.alphas_move else super().weight_draws(batch)

    @staticmethod
    def batch_size(batch: Any) -> int:
        """How many examples a batch has: as many as its first field has rows."""
        return len(batch[0])
