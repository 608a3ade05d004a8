"""The α of a supernet, weights of its operations that are trained, and the mixtures that they become.

What a method computes in a training step is a list of pairs of a coefficient and a :class:`Mixture`, whose gradients
are added up: one pair of :func:`softmax` for DARTS, several paths for others. What makes such a list belongs here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.networks.supernet import Mixture, Supernet

__all__ = [
    "dirichlet",
    "drawn",
    "entropy",
    "gumbel",
    "log_probability",
    "masked_softmax",
    "mixed",
    "new_alphas",
    "one_path",
    "sigmoid",
    "softmax",
]

Alphas = Mapping[str, Tensor] | nn.ParameterDict
_SPREAD = 1e-3
"""So small that all operations weigh the same at first (DARTS, arXiv 1806.09055, code)."""
_DRAWS = 100
"""Gumbel noise overflows about once in 2²⁴ draws; that often in a row means that α itself is not finite."""


def new_alphas(supernet: Supernet, generator: torch.Generator) -> nn.ParameterDict:
    """The α of a supernet by kind of cell, [E, O] each of 0.001 · N(0, 1); a module of its own, for an optimiser."""
    shapes = {cell: mask.shape for cell, mask in supernet.masks.items()}
    return nn.ParameterDict({cell: _SPREAD * torch.randn(shape, generator=generator) for cell, shape in shapes.items()})


def mixed(supernet: Supernet, alphas: Alphas, weigh: Callable[[Tensor, Tensor], Tensor], **others: Any) -> Mixture:
    """A mixture of everything that is alive.

    Parameters
    ----------
    weigh
        From α and the mask, [E, O] each, to weights [E, O], which are 0 where nothing is alive.
    others
        Of the :class:`Mixture`: ``edges``, ``skip``.
    """
    active = {cell: mask.clone() for cell, mask in supernet.masks.items()}
    weights = {cell: weigh(alpha, active[cell].to(alpha.device)) for cell, alpha in alphas.items()}
    return Mixture(weights, active, **others)


def softmax(supernet: Supernet, alphas: Alphas, **others: Any) -> Mixture:
    """The softmax of α over what is alive on each edge; weight 0, and not computed, where pruned."""
    return mixed(supernet, alphas, masked_softmax, **others)


def masked_softmax(alpha: Tensor, mask: Tensor) -> Tensor:
    """The softmax over what is alive: 0 elsewhere, and on an edge that is pruned as a whole."""
    return alpha.masked_fill(~mask, torch.finfo(alpha.dtype).min).softmax(-1) * mask


def sigmoid(supernet: Supernet, alphas: Alphas) -> Mixture:
    """The sigmoid of each α by itself: operations do not compete (FairDARTS, arXiv 1911.12126)."""
    return mixed(supernet, alphas, lambda alpha, mask: alpha.sigmoid() * mask)


def gumbel(
    supernet: Supernet, alphas: Alphas, temperature: float, generator: torch.Generator, *, hard: bool
) -> Mixture:
    """The softmax of (log softmax α + G) / τ, G of Gumbel(0, 1); one sample for each edge of all cells of a kind.

    Parameters
    ----------
    temperature
        τ, more than 0.
    hard
        Whether only the largest is computed, with weight 1, and passes gradients on as if all had been (GDAS, arXiv
        1910.04465); else all are (SNAS, arXiv 1812.09926).
    """
    soft = mixed(supernet, alphas, lambda alpha, mask: _relaxed(alpha, mask, temperature, generator))
    if not hard:
        return soft
    chosen = {cell: _one_hot(rows) & supernet.masks[cell].to(rows.device) for cell, rows in soft.weights.items()}
    weights = {cell: chosen[cell].to(rows) - rows.detach() + rows for cell, rows in soft.weights.items()}
    return Mixture(weights, {cell: rows.cpu() for cell, rows in chosen.items()})


def _relaxed(alpha: Tensor, mask: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """As in the authors' code, noise is drawn again where it is infinite."""
    logits = alpha.masked_fill(~mask, torch.finfo(alpha.dtype).min).log_softmax(-1)
    for _ in range(_DRAWS):
        noise = -torch.empty(alpha.shape).exponential_(generator=generator).log().to(alpha)
        weights = masked_softmax((logits + noise) / temperature, mask)
        if noise.isfinite().all() and weights.isfinite().all():
            break
    return weights


def _one_hot(rows: Tensor) -> Tensor:
    """The largest of each row, as bools."""
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(-1, rows.argmax(-1, keepdim=True), True)


def dirichlet(supernet: Supernet, alphas: Alphas, generator: torch.Generator) -> Mixture:
    """Weights of Dirichlet(elu(α) + 1) over what is alive, whose gradients reach α (DrNAS, arXiv 2006.10355)."""
    return mixed(supernet, alphas, lambda alpha, mask: _dirichlet(alpha, mask, generator))


def _dirichlet(alpha: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
    """Gamma variables divided by their sum; what is pruned has none."""
    concentration = nn.functional.elu(alpha) + 1 + torch.finfo(alpha.dtype).tiny
    # torch draws them by its own generator alone
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        gammas = torch._standard_gamma(concentration.cpu()).to(alpha.device) * mask
    return gammas / gammas.sum(-1, keepdim=True).clamp(min=torch.finfo(alpha.dtype).tiny)


def drawn(plain: Mixture, generator: torch.Generator) -> Mixture:
    """One operation on each edge that is not pruned as a whole, as often as it weighs, with weight 1."""
    active = {}
    for cell, rows in plain.weights.items():
        shares = rows.detach().cpu()
        chosen = torch.multinomial(shares + (shares.sum(-1, keepdim=True) == 0), 1, generator=generator)
        active[cell] = torch.zeros_like(plain.active[cell]).scatter_(-1, chosen, True) & plain.active[cell]
    return Mixture({cell: rows.to(plain.weights[cell]) for cell, rows in active.items()}, active)


def log_probability(plain: Mixture, path: Mixture) -> Tensor:
    """Σ over edges of the log of the weight of what was drawn."""
    logs = [rows[path.active[cell].to(rows.device)].log().sum() for cell, rows in plain.weights.items()]
    return torch.stack(logs).sum()


def one_path(supernet: Supernet, architecture: Mapping[str, Any]) -> Mixture:
    """The network of one architecture, with weights 1."""
    return supernet.path(architecture)


def entropy(mixture: Mixture) -> dict[str, Tensor]:
    """The entropy of each edge's weights in nats by kind of cell, [E]: from ln O, undecided, to 0."""
    return {cell: torch.special.entr(weights).sum(-1) for cell, weights in mixture.weights.items()}
