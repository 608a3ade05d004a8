"""SynFlow: how much flows through a network's weights, without data (Tanaka et al., arXiv 2006.05467).

Its synaptic saliency became a proxy of networks in Abdelfattah et al. (arXiv 2101.08134).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.proxies.examples import mapped, one, output_of
from nni_nasplus.proxies.networks import NORMS, matrices, scored_copy

__all__ = ["synaptic_flow", "synflow"]


def synflow(network: nn.Module, batch: Any, generator: torch.Generator | None = None) -> float:
    """Return ``Σ |w ∂R/∂w|`` over all matrices (:func:`synaptic_flow`); 0 or more, higher is better.

    It grows exponentially with depth: compare logarithms. Beyond float64 it is ∞.

    Parameters
    ----------
    network
        Left as it is.
    batch
        Only the shape of an example counts.
    generator
        Not used: nothing is random.
    """
    return sum(float(flow.sum()) for flow in synaptic_flow(network, batch).values())


def synaptic_flow(network: nn.Module, batch: Any) -> dict[str, Tensor]:
    """Return ``|w ∂R/∂w|`` by name for the weights of two dimensions or more, float64.

    R is the sum of all outputs for one example of ones, where weights, biases and buffers have lost their signs and
    norms pass on what they are given. The outputs of embeddings are ones as well; of the batch only the shape counts.
    In a chain of linear layers without biases and ReLUs the flows of each layer add up to R.
    """
    copy = _positive(network)
    weights = matrices(copy)
    flow = output_of(copy, mapped(_ones, one(batch, 0))).sum()
    gradients = torch.autograd.grad(flow, list(weights.values()), materialize_grads=True)
    named = zip(weights.items(), gradients, strict=True)
    return {name: (weight * gradient).detach().abs() for (name, weight), gradient in named}


def _positive(network: nn.Module) -> nn.Module:
    """Return a copy without signs, norms and embeddings."""
    copy = scored_copy(network)
    with torch.no_grad():
        for tensor in (*copy.parameters(), *copy.buffers()):
            tensor.abs_()
    for module in copy.modules():
        if isinstance(module, NORMS):
            module.eval()  # in training it would ask for more than one value a channel
            module.register_forward_hook(lambda _, inputs, __: inputs[0])
        elif isinstance(module, nn.Embedding):
            module.register_forward_hook(lambda _, __, output: torch.ones_like(output))
    return copy


def _ones(field: Tensor) -> Tensor:
    """Return numbers as 1; codes and masks stay."""
    return torch.ones_like(field, dtype=torch.float64) if field.is_floating_point() else field
