"""DrNAS: weights of operations are drawn from a Dirichlet distribution (Chen et al., arXiv 2006.10355)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence
from torch.nn.functional import elu

from nni_nasplus.one_shot.differentiable import Differentiable, Draw, Half
from nni_nasplus.one_shot.mixture import dirichlet

__all__ = ["DrNAS"]


class DrNAS(Differentiable):
    """Draw the weights of each edge anew in each pass from Dirichlet(elu(α) + 1), whose gradients reach α.

    The search begins with the uniform distribution on the simplex. The answer is the largest α. Of the paper's two ways
    to hold the distribution near it, weight decay of α, as in the authors' code, is the default.

    The progressive search, which prunes operations and widens partial channels half-way, is not part of it; on
    NAS-Bench-201 the authors report their results without it, too.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of DrNAS.

        Parameters
        ----------
        divergence
            What the Kullback-Leibler divergence from the uniform distribution is multiplied by in the loss of α; use
            ``alpha_decay=0`` with it.
        """

        divergence: float = 0.0

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("divergence", self.divergence >= 0, "0 or more")

    options: Options

    def draws(self, half: Half) -> list[Draw]:
        """One sample (eq. 3)."""
        return [(1.0, dirichlet(self.supernet, self.alphas, self.generator))]

    def penalty(self) -> Tensor:
        """The divergence, the mean over edges."""
        if not self.options.divergence:
            return super().penalty()
        rows = []
        for alpha in self.alphas.values():
            concentration = elu(alpha) + 1
            rows.append(kl_divergence(Dirichlet(concentration), Dirichlet(torch.ones_like(concentration))))
        return self.options.divergence * torch.cat(rows).mean()

    def strengths(self) -> dict[str, Tensor]:
        """The mean of the distribution over what is alive."""
        means = {}
        for cell, alpha in self.alphas.items():
            alive = (elu(alpha) + 1) * self.supernet.masks[cell].to(alpha.device)
            means[cell] = alive / alive.sum(-1, keepdim=True).clamp(min=torch.finfo(alpha.dtype).tiny)
        return means
