"""The gradients behind the kernel of a network of images or events, by one backward pass over all examples.

With the statistics of the batch norms fixed, no example's logits depend on another example, so that the gradients of a
layer's outputs, of all examples at once, give each example's gradient of the layer's weights by one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.proxies.examples import logits
from nni_nasplus.proxies.kernel.gradient_rules import has_rule, row
from nni_nasplus.proxies.kernel.gru_gates import UnfoldedGRU, unfold
from nni_nasplus.proxies.networks import fix_statistics, matched

__all__ = ["ExampleGradients"]


class ExampleGradients:
    """Gradients by example of a network in float64, which it gives hooks, and GRUs that tell of their gates.

    Parameters
    ----------
    network
        There is a rule for each layer with parameters that are named weights: see :meth:`covers`.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self._calls: list[tuple[nn.Module, Tensor, Tensor]] = []
        unfold(network)
        for module in network.modules():
            if has_rule(module) and _weights(module):
                module.register_forward_hook(self._note)

    @staticmethod
    def covers(network: nn.Module) -> bool:
        """Whether there is a rule for each of a network's weights."""
        return all(
            UnfoldedGRU.covers(module) if isinstance(module, nn.GRU) else has_rule(module)
            for module in network.modules()
            if _weights(module)
        )

    def __call__(self, batch: Any) -> Tensor:
        """J, float64 [N, P]: that of :func:`~nni_nasplus.proxies.ntk.jacobian` with fixed statistics.

        Without the columns of weights that no logit depends on, which are 0 there, and in another order.
        """
        return torch.cat(list(self._by_layer(batch)), 1)

    def kernel(self, batch: Any) -> Tensor:
        """J Jᵀ, float64 [N, N], without ever holding all of J, which is as large as N networks."""
        return sum((rows @ rows.T for rows in self._by_layer(batch)), torch.zeros(()))

    def _by_layer(self, batch: Any) -> Iterator[Tensor]:
        """The columns of J of each layer."""
        batch = matched(batch, self.network)
        fix_statistics(self.network, batch)
        self._calls.clear()
        total = logits(self.network, batch).sum()
        calls, self._calls = self._calls, []
        gradients = torch.autograd.grad(total, [output for _, _, output in calls], materialize_grads=True)
        by_layer: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {}
        for (module, x, _), gradient in zip(calls, gradients, strict=True):
            by_layer.setdefault(module, []).append((x, gradient))
        for module, given in by_layer.items():
            yield reduce(torch.add, (row(module, x, gradient) for x, gradient in given))

    def _note(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        differentiated = module.gates if isinstance(module, UnfoldedGRU) else output
        self._calls.append((module, inputs[0].detach(), differentiated))


def _weights(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_parameters(recurse=False) if "weight" in name]
