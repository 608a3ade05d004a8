"""The condition number of the neural tangent kernel: the trainability of TE-NAS (Chen et al., arXiv 2102.11535)."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.func import functional_call

from nni_nasplus.errors import UserError
from nni_nasplus.proxies.examples import count, logits, main_output, one, require_several
from nni_nasplus.proxies.networks import batch_norms, fix_statistics, matched, scored_copy
from nni_nasplus.proxies.proxy import lower_is_better
from nni_nasplus.proxies.spectrum import singular, spectrum

__all__ = ["Statistics", "condition_number", "gram_condition", "jacobian", "ntk_condition", "ntk_fixed"]

Statistics = Literal["batch", "fixed"]


@lower_is_better
def ntk_condition(
    network: nn.Module,
    batch: Any,
    generator: torch.Generator | None = None,
    *,
    statistics: Statistics = "batch",
) -> float:
    """Return κ = λmax / λmin of Θ = J Jᵀ, in [1, ∞]; lower is better: the network is easier to train.

    The value is ∞ where an eigenvalue cannot be told from 0 in float64, as with equal examples, and NaN where the
    network overflows.

    Parameters
    ----------
    network
        Left as it is.
    batch
        See :mod:`~nni_nasplus.proxies.examples`.
    generator
        Not used: nothing is random.
    statistics
        See :func:`jacobian`.

    Raises
    ------
    UserError
        If the batch has one example.
    """
    require_several(batch)
    return condition_number(jacobian(network, batch, statistics))


@lower_is_better
def ntk_fixed(network: nn.Module, batch: Any, generator: torch.Generator | None = None) -> float:
    """Return κ with the statistics of batch norms fixed, which is many times quicker; see :func:`ntk_condition`."""
    return ntk_condition(network, batch, generator, statistics="fixed")


def condition_number(rows: Tensor) -> float:
    """Return κ of the Gram matrix of rows [N, P]."""
    return gram_condition(rows @ rows.T)


def gram_condition(gram: Tensor) -> float:
    """Return κ of a Gram matrix [N, N], in [1, ∞]."""
    values = spectrum(gram)
    return math.inf if singular(values) else float(values[-1] / values[0])


def jacobian(network: nn.Module, batch: Any, statistics: Statistics = "batch") -> Tensor:
    """Return J, float64 [N, P]: the gradient of the sum of an example's logits by all parameters named weights.

    The columns of weights that no logit depends on are 0.

    Parameters
    ----------
    network
        Left as it is.
    batch
        See :mod:`~nni_nasplus.proxies.examples`.
    statistics
        Of the batch norms. Those of the batch make every logit depend on every example: ``"batch"``, as TE-NAS has it,
        takes N passes backwards over the whole batch. ``"fixed"`` takes the same statistics for constants, so that an
        example needs one pass over itself alone, 15 to 30 times less for 72 images. Without batch norms both agree.

    Raises
    ------
    UserError
        If the network has no weights, or its output is not one of N examples.
    """
    copy = scored_copy(network)
    batch = matched(batch, copy)
    if batch_norms(copy) and statistics == "batch":
        return _rows(logits(copy, batch).sum(1), _weights(copy))
    fix_statistics(copy, batch)
    if isinstance(batch, Tensor) and batch.is_floating_point():
        with suppress(RuntimeError):
            return _vectorised(copy, batch)
    examples = (one(batch, i) for i in range(count(batch)))
    return torch.cat([_rows(logits(copy, example).sum(1), _weights(copy)) for example in examples])


def _weights(network: nn.Module) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {name: weight for name, weight in network.named_parameters() if "weight" in name}
    if not weights:
        raise UserError("the network has no parameter named a weight; its kernel needs one")
    return weights


def _rows(values: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """Return the gradients of the [N] values of one graph; [N, P]."""
    rows = []
    for value in values:
        gradients = grad(value, list(weights.values()), retain_graph=True, materialize_grads=True)
        rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
    return torch.stack(rows)


def _vectorised(network: nn.Module, images: Tensor) -> Tensor:
    """Return the gradients of all examples at once; RuntimeError where torch cannot vectorise an operation."""
    weights = {name: weight.detach() for name, weight in _weights(network).items()}

    def summed(weights: dict[str, Tensor], image: Tensor) -> Tensor:
        output = functional_call(network, weights, (image.unsqueeze(0),))
        return main_output(output).sum()

    gradients = torch.func.vmap(torch.func.grad(summed), in_dims=(None, 0))(weights, images)
    return torch.cat([gradient.flatten(1) for gradient in gradients.values()], 1).detach()
