"""The plain interpreter of recurrent recipes, node by node and step by step: what the fast cell must equal."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nni_nasplus.spaces.recurrent import Recipe

ACTIVATIONS = {
    "activation_tanh": torch.tanh,
    "activation_sigm": torch.sigmoid,
    "activation_leaky_relu": nn.functional.leaky_relu,
}


class InterpretedCell(nn.Module):
    """One linear layer for each input of each linear node; the first has the bias."""

    def __init__(self, recipe: Recipe, n_in: int, n_out: int) -> None:
        super().__init__()
        self.recipe, self.n_out = recipe, n_out
        self.layers = nn.ModuleDict()
        for name, node in recipe.nodes.items():
            for place, source in enumerate(node.inputs if node.op == "linear" else ()):
                self.layers[f"{name} {place}"] = nn.Linear(n_in if source == "x" else n_out, n_out, bias=place == 0)

    def copy(self, cell) -> None:
        """Take the weights of a fast cell."""
        for name, node in self.recipe.nodes.items():
            for place, source in enumerate(node.inputs if node.op == "linear" else ()):
                layer, matrices = self.layers[f"{name} {place}"], cell.matrices(name)
                layer.weight.data.copy_(matrices[source])
                if place == 0:
                    layer.bias.data.copy_(matrices["bias"])

    def forward(self, x: Tensor, states=None) -> tuple[Tensor, tuple[Tensor, ...]]:
        states = states or [x.new_zeros(x.shape[1], self.n_out) for _ in range(self.recipe.n_states)]
        outputs = []
        for step in x:
            values = {"x": step} | {f"h_prev_{i}": state for i, state in enumerate(states)}
            for name in self.recipe.order:
                values[name] = self._value(name, values)
            states = tuple(values[f"h_new_{i}"] for i in range(self.recipe.n_states))
            outputs.append(states[0])
        return torch.stack(outputs), states

    def _value(self, name: str, values: dict[str, Tensor]) -> Tensor:
        op, inputs = self.recipe.nodes[name]
        given = [values[source] for source in inputs]
        if op == "linear":
            return sum(self.layers[f"{name} {place}"](value) for place, value in enumerate(given))
        if op == "blend":
            return given[0] * given[1] + (1 - given[0]) * given[2]
        if op == "elementwise_prod":
            return given[0] * given[1]
        if op == "elementwise_sum":
            return given[0] + given[1]
        return ACTIVATIONS[op](given[0])
