"""A recurrent cell of any recipe that runs over whole sequences.

A recipe is turned into straight-line code once. What linear nodes take from ``x`` is one matrix product for all steps
and nodes, before the loop; what they take from another node is one product a step for all nodes that take it; nodes of
one activation are activated together where they lie side by side. Weights' gradients are one product for all steps,
after the loop backwards, where autograd would add one a step.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe

__all__ = ["RecurrentCell", "deferred"]

Product = Callable[[Tensor], Tensor]

_LEAK = 0.01
_ACTIVATIONS = {
    "activation_tanh": "torch.tanh({})",
    "activation_sigm": "torch.sigmoid({})",
    "activation_leaky_relu": f"F.leaky_relu({{}}, {_LEAK})",
}


class RecurrentCell(nn.Module):
    """The layer of one recipe.

    Parameters
    ----------
    recipe
        The cell.
    n_in, n_out
        The sizes I of ``x`` and H of every other node.
    weight_drop
        In training, the rate of dropout, in [0, 1), of the entries of all weights but those of ``x`` and the biases,
        the same at all steps of a sequence (arXiv 1708.02182).
    """

    def __init__(self, recipe: Recipe, n_in: int, n_out: int, weight_drop: float = 0.0) -> None:
        super().__init__()
        self.weight_drop = weight_drop
        self.recipe = recipe.without_dead_nodes()
        self.n_in, self.n_out = n_in, n_out
        self.plan = _Plan.of(self.recipe)
        bound = n_out**-0.5
        self.weight_x = nn.Parameter(torch.empty(len(self.plan.from_x) * n_out, n_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(len(self.plan.linear) * n_out).uniform_(-bound, bound))
        self.weights = nn.ParameterList(
            torch.empty(len(users) * n_out, n_out).uniform_(-bound, bound) for _, users in self.plan.products
        )
        self._step = _compiled(self.recipe, self.plan, n_out)

    @property
    def n_states(self) -> int:
        """The number of hidden states."""
        return self.recipe.n_states

    def forward(self, x: Tensor, states: Sequence[Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs [T, B, H] and the last states, each [B, H], of sequences [T, B, I] and first states, zero if None."""
        if states is None:
            states = [x.new_zeros(x.shape[1], self.n_out) for _ in range(self.n_states)]
        dropped = (F.dropout(weight, self.weight_drop, self.training) for weight in self.weights)
        weights = [deferred(weight, x.shape[1]) for weight in dropped]
        state, outputs = tuple(states), []
        for given in self._projected(x).unbind(0):
            state = self._step(given, weights, state)
            outputs.append(state[0])
        return torch.stack(outputs), state

    def _projected(self, x: Tensor) -> Tensor:
        """What all linear nodes take from ``x``, and their biases: [T, B, nodes · H]."""
        n_x = len(self.plan.from_x) * self.n_out
        projected = F.linear(x, self.weight_x, self.bias[:n_x])
        if n_x == len(self.bias):
            return projected
        rest = self.bias[n_x:].expand(*x.shape[:2], -1)
        return torch.cat([projected, rest], dim=-1)

    def matrices(self, node: str) -> dict[str, Tensor]:
        """The weights [H, size of the input] of a linear node by input, and ``bias`` [H]: views, for initialising."""
        place = self.plan.linear.index(node)
        found = {"bias": self._rows(self.bias, place)}
        if node in self.plan.from_x:
            found["x"] = self._rows(self.weight_x, self.plan.from_x.index(node))
        for (source, users), weight in zip(self.plan.products, self.weights, strict=True):
            if node in users:
                found[source] = self._rows(weight, users.index(node))
        return found

    def _rows(self, weight: Tensor, place: int) -> Tensor:
        return weight.detach()[place * self.n_out : (place + 1) * self.n_out]


@dataclass(frozen=True)
class _Plan:
    """Where the weights of a recipe's linear nodes lie.

    ``linear`` orders them all; the first are those that take ``x``. ``products`` gives for each source the linear
    nodes that take it.
    """

    linear: list[str]
    from_x: list[str]
    products: list[tuple[str, list[str]]]

    @classmethod
    def of(cls, recipe: Recipe) -> _Plan:
        """Linear nodes that take ``x``, then those that share their first other source, then those activated alike."""
        linear = [name for name in recipe.order if recipe.nodes[name].op == "linear"]
        linear.sort(key=lambda name: ("x" not in recipe.nodes[name].inputs, _first(recipe, name), _use(recipe, name)))
        uses: dict[str, list[str]] = {}
        for name in linear:
            for source in dict.fromkeys(recipe.nodes[name].inputs):
                if source != "x":
                    uses.setdefault(source, []).append(name)
        from_x = [name for name in linear if "x" in recipe.nodes[name].inputs]
        return cls(linear, from_x, list(uses.items()))


def _first(recipe: Recipe, name: str) -> str:
    """The source that becomes available last: what the node has to wait for."""
    places = {node: place for place, node in enumerate(recipe.order)}
    return max((s for s in recipe.nodes[name].inputs if s != "x"), key=lambda s: (places.get(s, -1), s), default="")


def _use(recipe: Recipe, name: str) -> str:
    users = list(recipe.graph.successors(name))
    return recipe.nodes[users[0]].op if len(users) == 1 else ""


def _compiled(recipe: Recipe, plan: _Plan, size: int) -> Callable[..., tuple[Tensor, ...]]:
    """The function of one step: projections [B, nodes · H], deferred weights and states, to the next states."""
    lines = _Lines(recipe, plan, size)
    scope: dict[str, Any] = {"torch": torch, "F": F}
    exec(compile("\n".join(lines.text()), f"<cell {recipe.key[:8]}>", "exec"), scope)
    return scope["step"]


class _Lines:
    """Writes the code of a step. Every node is a variable; names of nodes are replaced by numbers."""

    def __init__(self, recipe: Recipe, plan: _Plan, size: int) -> None:
        self._recipe, self._plan, self._size = recipe, plan, size
        self._name = {node: f"n{i}" for i, node in enumerate(["x", *recipe.graph])}
        self._users = Counter(source for node in recipe.nodes.values() for source in set(node.inputs))

    def text(self) -> list[str]:
        states = ", ".join(self._name.get(f"h_prev_{i}", "_") for i in range(self._recipe.n_states))
        body = [f"{states}, = states"]
        ready = [name for name in self._recipe.graph if name not in self._recipe.nodes and name != "x"]
        for source in ready:
            body += self._products(source)
        for node in self._recipe.order:
            body.append(self._node(node))
            body += self._products(node)
        outputs = ", ".join(self._name[f"h_new_{i}"] for i in range(self._recipe.n_states))
        return ["def step(given, weights, states):", *(f"    {line}" for line in body), f"    return {outputs},"]

    def _products(self, source: str) -> list[str]:
        """One product for all linear nodes that take this source."""
        for number, (name, users) in enumerate(self._plan.products):
            if name == source:
                product = f"weights[{number}]({self._name[source]})"
                if len(users) == 1:
                    return [f"p{number}_0 = {product}"]
                targets = ", ".join(f"p{number}_{i}" for i in range(len(users)))
                return [f"{targets} = {product}.chunk({len(users)}, 1)"]
        return []

    def _node(self, node: str) -> str:
        op, inputs = self._recipe.nodes[node]
        sources = [self._name[source] for source in inputs]
        if op == "linear":
            return f"{self._name[node]} = {self._linear(node)}"
        if op == "blend":
            a, b, c = sources
            return f"{self._name[node]} = torch.lerp({c}, {b}, {a})"
        sign = {"elementwise_prod": " * ", "elementwise_sum": " + "}.get(op)
        value = sign.join(sources) if sign else _ACTIVATIONS[op].format(sources[0])
        return f"{self._name[node]} = {value}"

    def _linear(self, node: str) -> str:
        place = self._plan.linear.index(node)
        terms = [f"given[:, {place * self._size}:{(place + 1) * self._size}]"]
        terms += [
            f"p{number}_{users.index(node)}" for number, (_, users) in enumerate(self._plan.products) if node in users
        ]
        return " + ".join(terms)


def deferred(weight: Tensor, batch: int) -> Product:
    """The product [B, K] of a source [B, H] with a weight [K, H], whose gradient is summed over all steps at once."""
    if not torch.is_grad_enabled():
        return _product(weight, batch)
    if not weight.requires_grad:
        return lambda source: source @ weight.t()
    tape: list[tuple[Tensor, Tensor]] = []
    value, token = weight.detach(), _Sum.apply(weight, tape)
    products = _product(value, batch), _product(value.t(), batch)
    return lambda source: _Step.apply(source, token, tape, products)


def _product(weight: Tensor, batch: int) -> Product:
    """The product with a weight's transpose, for many sources of one size.

    On the CPU oneDNN arranges the weight once for all of them, which takes half the time of a product that does not;
    torch has it as internal operations, so that anything amiss falls back to the plain one.
    """
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and torch.backends.mkldnn.is_available():
        with contextlib.suppress(RuntimeError, AttributeError):
            arranged = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), batch)
            return lambda source: torch.ops.mkldnn._linear_pointwise(source, arranged, None, "none", [], "")
    return lambda source: source @ weight.t()


class _Sum(torch.autograd.Function):
    """Stands for a weight among the steps: once all have gone backwards, it is given the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, tape: list[tuple[Tensor, Tensor]]) -> Tensor:
        ctx.tape = tape
        return weight.new_zeros(())

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor | None, None]:  # type: ignore[override]
        if not ctx.tape:
            return None, None
        sources, gradients = (torch.cat(part) for part in zip(*ctx.tape, strict=True))
        ctx.tape.clear()
        return gradients.t() @ sources, None


class _Step(torch.autograd.Function):
    """One step's product; ``products`` has that with the weight's transpose and, for the gradient, with the weight."""

    @staticmethod
    def forward(ctx: Any, source: Tensor, token: Tensor, tape: list[Any], products: tuple[Product, Product]) -> Tensor:
        ctx.save_for_backward(source)
        ctx.tape, ctx.product = tape, products[1]
        return products[0](source)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:  # type: ignore[override]
        (source,) = ctx.saved_tensors
        gradient = gradient.contiguous()
        ctx.tape.append((source.detach(), gradient))
        return ctx.product(gradient), gradient.new_zeros(()), None, None
