"""Random recipes, as NAS-Bench-NLP draws them (arXiv 2006.07116)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nni_nasplus.spaces.recurrent.recipes.node import Node
from nni_nasplus.spaces.recurrent.recipes.recipe import MOST_EDGES, MOST_VERTICES, Recipe

__all__ = ["ACTIVATIONS", "drawn", "random_recipe"]

ACTIVATIONS = ("activation_tanh", "activation_sigm", "activation_leaky_relu")
_OPERATIONS = ("linear", "linear", "linear", "blend", "elementwise_prod", "elementwise_sum")
"""One of them at a time is drawn: linear weighs three times the others."""
_STATES = (1, 2, 3)
_NODES = (7, 14, 21)
_TWO_INPUTS = 0.8


def random_recipe(rng: np.random.Generator) -> Recipe:
    """Draw recipes until one is valid.

    A number of states and one of nodes are drawn; then, until there are so many nodes, linear nodes of two inputs
    (three, one time in five) from ``x``, states and activations, each with an activation after it, or blends, products
    and sums of states and any nodes. Some nodes become the next states, and those that reach none are dropped. It is
    valid if ``x`` and every state is still read, no next state takes a state directly, and there are at most 24
    vertices and fewer than 100 edges.
    """
    while True:
        if (recipe := _attempt(rng)) is not None:
            return recipe


def drawn(values: Sequence[str], count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Draw so many distinct values in random order, all of them if they are fewer."""
    return tuple(values[i] for i in rng.permutation(len(values))[:count])


def _attempt(rng: np.random.Generator) -> Recipe | None:
    states = int(rng.choice(_STATES))
    previous = [f"h_prev_{state}" for state in range(states)]
    nodes = _grown(previous, states + int(rng.choice(_NODES)), rng)
    last = {name: f"h_new_{state}" for state, name in enumerate(drawn(list(nodes), states, rng))}
    alive = _alive(nodes, list(last))
    kept = {name: node for name, node in nodes.items() if name in alive}
    edges = sum(len(node.inputs) for node in kept.values())
    small = 1 + states + len(kept) <= MOST_VERTICES and edges <= MOST_EDGES
    direct = any(source in previous for name in last for source in nodes[name].inputs)
    if direct or not small or not alive.issuperset(["x", *previous]):
        return None
    return Recipe({last.get(n, n): Node(op, tuple(last.get(s, s) for s in inputs)) for n, (op, inputs) in kept.items()})


def _grown(previous: list[str], count: int, rng: np.random.Generator) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    activated: list[str] = []
    while len(nodes) < count:
        op = _OPERATIONS[rng.integers(len(_OPERATIONS))]
        if op == "linear":
            inputs = drawn(["x", *previous, *activated], 2 if rng.random() < _TWO_INPUTS else 3, rng)
            name, activation = str(len(nodes)), str(len(nodes) + 1)
            nodes[name] = Node(op, inputs)
            nodes[activation] = Node(ACTIVATIONS[rng.integers(len(ACTIVATIONS))], (name,))
            activated.append(activation)
        elif len(inputs := drawn([*previous, *nodes], arity := 3 if op == "blend" else 2, rng)) == arity:
            nodes[str(len(nodes))] = Node(op, inputs)
    return nodes


def _alive(nodes: dict[str, Node], last: list[str]) -> set[str]:
    """What reaches one of the last nodes, inputs among it."""
    alive, found = set(last), list(last)
    while found:
        name = found.pop()
        for source in nodes[name].inputs if name in nodes else ():
            if source not in alive:
                alive.add(source)
                found.append(source)
    return alive
