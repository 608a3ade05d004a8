"""The gradients behind the kernel of a network of images, by one backward pass over all examples.

With the statistics of the batch norms fixed, no example's logits depend on another example, so that the gradients of a
layer's outputs, of all examples at once, give each example's gradient of the layer's weights by one matrix product.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nni_nasplus.scores.examples import logits
from nni_nasplus.scores.networks import fix_statistics, matched

__all__ = ["ExampleGradients"]


class ExampleGradients:
    """Gradients by example of a network in float64, which it gives hooks.

    Parameters
    ----------
    network
        All its parameters that are named weights are those of ``Conv2d``, ``Linear`` and batch norms: see
        :meth:`covers`.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self._calls: list[tuple[nn.Module, Tensor, Tensor]] = []
        for module in network.modules():
            if isinstance(module, _LAYERS) and module.weight is not None:
                module.register_forward_hook(self._note)

    @staticmethod
    def covers(network: nn.Module) -> bool:
        """Whether there is a rule for each of a network's weights."""
        return all(
            isinstance(module, _LAYERS)
            for module in network.modules()
            if any("weight" in name for name, _ in module.named_parameters(recurse=False))
        )

    def __call__(self, batch: Any) -> Tensor:
        """J, float64 [N, P]: that of :func:`~nni_nasplus.scores.ntk.jacobian` with fixed statistics.

        Without the columns of weights that no logit depends on, which are 0 there, and in another order.
        """
        batch = matched(batch, self.network)
        fix_statistics(self.network, batch)
        self._calls.clear()
        total = logits(self.network, batch).sum()
        outputs = [output for _, _, output in self._calls]
        gradients = torch.autograd.grad(total, outputs, materialize_grads=True)
        rows: dict[nn.Module, Tensor] = {}
        for (module, x, _), gradient in zip(self._calls, gradients, strict=True):
            row = _row(module, x, gradient)
            rows[module] = rows[module] + row if module in rows else row
        self._calls.clear()
        return torch.cat(list(rows.values()), 1)

    def _note(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._calls.append((module, inputs[0].detach(), output))


_LAYERS = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)


def _row(module: nn.Module, x: Tensor, gradient: Tensor) -> Tensor:
    """Each example's gradient of a layer's weight [N, P], from that of the layer's output."""
    if isinstance(module, nn.Conv2d):
        return _convolution(module, x, gradient)
    if isinstance(module, nn.Linear):
        return (gradient.unsqueeze(2) * x.unsqueeze(1)).flatten(1)
    assert isinstance(module, nn.BatchNorm2d)
    return _norm(module, x, gradient)


def _convolution(module: nn.Conv2d, x: Tensor, gradient: Tensor) -> Tensor:
    assert not isinstance(module.padding, str)
    groups = module.groups
    taps = F.unfold(x, module.kernel_size, module.dilation, module.padding, module.stride)
    taps = taps.unflatten(1, (groups, -1))
    outer = gradient.flatten(2).unflatten(1, (groups, -1)) @ taps.transpose(2, 3)
    return outer.flatten(1)


def _norm(module: nn.BatchNorm2d, x: Tensor, gradient: Tensor) -> Tensor:
    assert module.running_mean is not None and module.running_var is not None
    scale = (module.running_var + module.eps).rsqrt()
    sums = torch.stack([(gradient * x).flatten(2).sum(2), gradient.flatten(2).sum(2)])
    return (sums[0] - sums[1] * module.running_mean) * scale
