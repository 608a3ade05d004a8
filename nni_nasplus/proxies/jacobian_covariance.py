"""jacob_cov: how differently a network's output changes around examples.

It is the proxy of the first version of Mellor et al. (arXiv 2006.04647v1), under its name in Abdelfattah et al. (arXiv
2101.08134).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.proxies.examples import by_example, logits, mapped, require_distinct
from nni_nasplus.proxies.networks import matched, scored_copy
from nni_nasplus.proxies.spectrum import spectrum

__all__ = ["input_jacobian", "jacob_cov"]

_EPSILON = 1e-5
"""As in the authors' code: the reciprocal of an eigenvalue of 0 stays finite."""


def jacob_cov(network: nn.Module, batch: Any, generator: torch.Generator | None = None) -> float:
    """Return −Σ (log(λ + ε) + 1 / (λ + ε)), λ the eigenvalues of the correlations of rows of :func:`input_jacobian`.

    Higher is better, −N or less. The value is −∞ where the derivative of an example is the same by all of its input, as
    it is 0 where the logits do not depend on it, and NaN where the network overflows.

    Parameters
    ----------
    network
        Left as it is.
    batch
        See :mod:`~nni_nasplus.proxies.examples`.
    generator
        Not used: nothing is random.

    Raises
    ------
    UserError
        If the batch has one example, or all are equal.
    """
    require_distinct(batch)
    rows = input_jacobian(network, batch)
    rows = rows - rows.mean(1, keepdim=True)
    lengths = rows.norm(dim=1, keepdim=True)
    if lengths.min() == 0:
        return -math.inf
    rows = rows / lengths
    values = spectrum(rows @ rows.T) + _EPSILON
    return -float((values.log() + 1 / values).sum())


def input_jacobian(network: nn.Module, batch: Any) -> Tensor:
    """Return the derivative of the sum of all logits by the numbers of each example, float64 [N, D].

    In place of tokens and categories the derivative is by what embeddings make of them.
    """
    inputs: list[Tensor] = []

    def leaf(field: Tensor) -> Tensor:
        if not field.is_floating_point():
            return field
        inputs.append(field.detach().clone().requires_grad_())
        return inputs[-1]

    copy = scored_copy(network, double=False)
    numbers = mapped(leaf, matched(batch, copy))
    for module in copy.modules():
        if isinstance(module, nn.Embedding):
            module.register_forward_hook(lambda _, __, output: leaf(output))
    total = logits(copy, numbers).sum()
    gradients = torch.autograd.grad(total, inputs, materialize_grads=True)
    by_rows = (by_example(gradient, batch) for gradient in gradients)
    return torch.cat([rows for rows in by_rows if rows is not None], 1).double()
