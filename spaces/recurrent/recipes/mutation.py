"""Small changes of recipes: an operation, a connection, a hidden state, one node more or less."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.spaces.recurrent.recipes.generator import drawn
from nni_nasplus.spaces.recurrent.recipes.node import ARITY, Node
from nni_nasplus.spaces.recurrent.recipes.recipe import MOST_EDGES, MOST_STATES, MOST_VERTICES, Recipe

__all__ = ["mutated"]

_ATTEMPTS = 1000
"""So many changes are drawn before a recipe is said to have no other: most give one within a few."""
Nodes = dict[str, Node]


def mutated(recipe: Recipe, rng: np.random.Generator) -> Recipe:
    """Return another cell, one change away: changes are drawn until one gives a recipe of the benchmark's size.

    Raises
    ------
    UserError
        If none of a thousand changes gives one.
    """
    parent = recipe.canonical
    for _ in range(_ATTEMPTS):
        change = _CHANGES[rng.integers(len(_CHANGES))]
        child = _whole(change(parent, rng))
        if child is not None and child.key != parent.key:
            return child
    raise UserError(f"no change of {parent.notation} gives another recipe; start from another one")


def _whole(nodes: Nodes | None) -> Recipe | None:
    if nodes is None:
        return None
    try:
        recipe = Recipe(nodes).without_dead_nodes()
    except UserError:
        return None
    vertices, edges = recipe.size
    return recipe if vertices <= MOST_VERTICES and edges <= MOST_EDGES else None


def _operation(recipe: Recipe, rng: np.random.Generator) -> Nodes:
    """Another operation for a node, which keeps what inputs it can."""
    name = _any(list(recipe.nodes), rng)
    old = recipe.nodes[name]
    op = _any([op for op in ARITY if op != old.op], rng)
    return {**recipe.nodes, name: _filled(op, old.inputs, _sources(recipe, name, op), rng)}


def _connection(recipe: Recipe, rng: np.random.Generator) -> Nodes | None:
    """Another source for an input of a node; or, for linear nodes, an input more or less."""
    name = _any(list(recipe.nodes), rng)
    op, inputs = recipe.nodes[name]
    new = drawn([s for s in _sources(recipe, name, op) if s not in inputs], 1, rng)
    place = int(rng.integers(len(inputs)))
    rest = inputs[:place] + inputs[place + 1 :]
    changed = [inputs[:place] + new + inputs[place + 1 :]] if new else []
    if op == "linear":
        changed += [inputs + new] if len(inputs) < ARITY[op][1] else []
        changed += [rest] if len(rest) > 1 else []
    return {**recipe.nodes, name: Node(op, changed[rng.integers(len(changed))])} if changed else None


def _more(recipe: Recipe, rng: np.random.Generator) -> Nodes:
    """A node between a node and one of its inputs."""
    name = _any(list(recipe.nodes), rng)
    op, inputs = recipe.nodes[name]
    place = int(rng.integers(len(inputs)))
    new = "linear" if inputs[place] == "x" else _any(list(ARITY), rng)
    between = _filled(new, inputs[place : place + 1], _sources(recipe, name, new), rng)
    taken = (*inputs[:place], "new", *inputs[place + 1 :])
    return {**recipe.nodes, "new": between, name: Node(op, taken)}


def _less(recipe: Recipe, rng: np.random.Generator) -> Nodes | None:
    """Without a node: those that took it take one of its inputs."""
    inner = [name for name in recipe.nodes if not name.startswith("h_new")]
    if not inner:
        return None
    name = _any(inner, rng)
    source = _any(list(recipe.nodes[name].inputs), rng)
    return _renamed({n: node for n, node in recipe.nodes.items() if n != name}, {name: source})


def _state(recipe: Recipe, rng: np.random.Generator) -> Nodes | None:
    """Another node for a state, a state more or a state less."""
    change = (_moved_state, _new_state, _fewer_states)[rng.integers(3)]
    return change(recipe, rng)


def _moved_state(recipe: Recipe, rng: np.random.Generator) -> Nodes | None:
    state = f"h_new_{rng.integers(recipe.n_states)}"
    others = [name for name in recipe.nodes if name != state]
    if not others:
        return None
    other = _any(others, rng)
    names = {state: other, other: state}
    return _renamed({names.get(name, name): node for name, node in recipe.nodes.items()}, names)


def _new_state(recipe: Recipe, rng: np.random.Generator) -> Nodes | None:
    """Some node becomes a state, and some input reads it a step later."""
    inner = [name for name in recipe.nodes if not name.startswith("h_new")]
    if not inner or recipe.n_states == MOST_STATES:
        return None
    state, chosen, user = recipe.n_states, _any(inner, rng), _any(list(recipe.nodes), rng)
    op, inputs = recipe.nodes[user]
    place = int(rng.integers(len(inputs)))
    taken = (*inputs[:place], f"h_prev_{state}", *inputs[place + 1 :])
    nodes = {**recipe.nodes, user: Node(op, taken)}
    names = {chosen: f"h_new_{state}"}
    return _renamed({names.get(name, name): node for name, node in nodes.items()}, names)


def _fewer_states(recipe: Recipe, rng: np.random.Generator) -> Nodes | None:
    """Without the last state: what read it reads another."""
    last = recipe.n_states - 1
    if last == 0:
        return None
    names = {f"h_new_{last}": "new", f"h_prev_{last}": f"h_prev_{rng.integers(last)}"}
    return _renamed({names.get(name, name): node for name, node in recipe.nodes.items()}, names)


_CHANGES: tuple[Callable[[Recipe, np.random.Generator], Nodes | None], ...] = (
    _operation,
    _operation,
    _connection,
    _connection,
    _more,
    _less,
    _state,
)
"""One of them at a time is drawn: operations and connections weigh twice the others."""


def _renamed(nodes: Nodes, names: dict[str, str]) -> Nodes:
    """The nodes with their inputs renamed."""
    return {name: Node(op, tuple(names.get(s, s) for s in inputs)) for name, (op, inputs) in nodes.items()}


def _sources(recipe: Recipe, name: str, op: str) -> list[str]:
    """What a node could take: no node that depends on it, ``x`` only if it is linear."""
    later = nx.descendants(recipe.graph, name) | {name}
    previous = [f"h_prev_{state}" for state in range(recipe.n_states)]
    earlier = [other for other in recipe.nodes if other not in later]
    return [*(["x"] if op == "linear" else []), *previous, *earlier]


def _filled(op: str, inputs: tuple[str, ...], sources: list[str], rng: np.random.Generator) -> Node:
    """A node that takes of the given inputs what it can, and others where it has too few; linear nodes take two."""
    least, most = ARITY[op]
    kept = [s for s in dict.fromkeys(inputs) if s in sources][:most]
    missing = max(0, (2 if op == "linear" else least) - len(kept))
    return Node(op, (*kept, *drawn([s for s in sources if s not in kept], missing, rng)))


def _any(values: list[str], rng: np.random.Generator) -> str:
    return values[rng.integers(len(values))]
