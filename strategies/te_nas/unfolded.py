"""Layers that compute what others do, and give the gradients that the others keep to themselves."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nni_nasplus.spaces.events.blocks import Attention
from nni_nasplus.spaces.events.decoder import DecoderLayer

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


class _UnfoldedCross(Attention):
    """Cross-attention with a layer for each of query, key and value, in the place of parts of one."""

    def __init__(self, attention: Attention) -> None:
        nn.Module.__init__(self)
        self.heads, self.scale = attention.heads, attention.scale
        self.norm, self.out = attention.norm, attention.out
        self.parts = nn.ModuleList(map(_linear, attention.qkv.weight.chunk(3)))

    def cross(self, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        query, key, value = self.parts
        return self._attend(query(x), key(memory), value(memory), mask)


def _linear(weight: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight = nn.Parameter(weight.detach())
    return layer


def unfold(network: nn.Module) -> None:
    """Put such layers in the place of a network's GRUs and cross-attentions, with their weights."""
    for module in list(network.modules()):
        if isinstance(module, DecoderLayer):
            module.cross_attention = _UnfoldedCross(module.cross_attention)
        for name, child in list(module.named_children()):
            if isinstance(child, nn.GRU):
                setattr(module, name, UnfoldedGRU(child))
