"""jacob_cov: how differently a network's output changes around examples (arXiv 2006.04647v1, 2101.08134)."""

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


def jacob_cov(network: nn.Module, batch: Any, generator: torch.Generator | None = None) -> float:
    """−Σ (log(λ + ε) + 1 / (λ + ε)), λ the eigenvalues of the correlations of the examples' :func:`input_jacobian`.

    Higher is better, −N or less. −∞ where the derivative of an example is the same by all of its input, as 0 where the
    logits do not depend on it; NaN where the network overflows.

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
    """The derivative of the sum of all logits by the numbers of each example, float64 [N, D].

    In place of tokens and categories, by what embeddings make of them.
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
