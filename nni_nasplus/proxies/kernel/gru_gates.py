"""A GRU that computes what torch's does, and gives the gradients of its gates, which that keeps to itself."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nni_nasplus.proxies.kernel.gradient_rules import products

__all__ = ["UnfoldedGRU", "unfold"]


class UnfoldedGRU(nn.Module):
    """A :class:`torch.nn.GRU` of one layer and direction, batches first, that keeps the gates of its inputs.

    torch's GRU keeps its gates to itself, and they are what each example's gradients of its matrices are made of. Here
    the inputs' part of the gates, W x + b [N, L, 3H] (reset, update, new) of all steps, is computed first; torch's GRU
    takes it for its inputs, with the identity for their matrix. From the gradient by that part, and from the states,
    which are outputs, follows the rest.

    Attributes
    ----------
    gates
        Of the last batch, by which to differentiate.
    previous
        The state before each step of the last batch, [N, L, H], without gradient.
    """

    gates: Tensor
    previous: Tensor

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        weights = (gru.get_parameter(f"{kind}_l0") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        self.weight_inputs, self.weight_states, self.bias_inputs, self.bias_states = weights

    @staticmethod
    def covers(gru: nn.GRU) -> bool:
        """Whether it is of that kind."""
        return (gru.num_layers, gru.bidirectional, gru.batch_first, gru.bias) == (1, False, True, True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The states of [N, L, D] after each step [N, L, H] and after the last."""
        self.gates = F.linear(x, self.weight_inputs, self.bias_inputs)
        first = x.new_zeros(1, len(x), self.weight_states.shape[1])
        identity = torch.eye(self.gates.shape[-1], dtype=x.dtype, device=x.device)
        weights = [identity, self.weight_states, torch.zeros_like(self.bias_inputs), self.bias_states]
        states, last = torch.gru(self.gates, first, weights, True, 1, 0.0, False, False, True)
        self.previous = torch.cat([first.transpose(0, 1), states.detach()[:, :-1]], 1)
        return states, last

    def example_gradients(self, x: Tensor, gradient: Tensor) -> Tensor:
        """The gradient by example of both matrices [N, P]; ``gradient`` is that by :attr:`gates`."""
        inputs, states = self.gradients(x, gradient)
        return torch.cat([products(x, inputs), products(self.previous, states)], 1)

    def gradients(self, x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients by the inputs' and the states' part of the gates [N, L, 3H], from that by the inputs' part.

        In reset and update the parts are added, and have one gradient. In the new state that of the states is
        multiplied by the reset gate: n = tanh(inputs' part + reset · states' part).
        """
        with torch.no_grad():
            size = self.previous.shape[-1]
            kept = [weight[:size] for weight in (self.weight_inputs, self.weight_states)]
            biases = self.bias_inputs[:size] + self.bias_states[:size]
            reset = (x @ kept[0].T + self.previous @ kept[1].T + biases).sigmoid()
            both, new = gradient.split([2 * size, size], -1)
            return gradient, torch.cat([both, new * reset], -1)


@runtime_checkable
class _Unfolding(Protocol):
    def unfold_weights(self) -> None: ...


def unfold(network: nn.Module) -> None:
    """Put such layers in the place of a network's GRUs, and let layers with a method ``unfold_weights`` do likewise."""
    for module in list(network.modules()):
        if isinstance(module, _Unfolding):
            module.unfold_weights()
        for name, child in list(module.named_children()):
            if isinstance(child, nn.GRU):
                setattr(module, name, UnfoldedGRU(child))
