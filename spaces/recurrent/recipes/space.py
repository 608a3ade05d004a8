"""Recipes as a search space of decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, Choice, SearchSpace, require_decisions
from nni_nasplus.spaces.recurrent.recipes.features import GROUPS, features
from nni_nasplus.spaces.recurrent.recipes.generator import random_recipe
from nni_nasplus.spaces.recurrent.recipes.mutation import mutated
from nni_nasplus.spaces.recurrent.recipes.node import ARITY, Node
from nni_nasplus.spaces.recurrent.recipes.notation import OPERATIONS, SHORT
from nni_nasplus.spaces.recurrent.recipes.presets import PRESETS
from nni_nasplus.spaces.recurrent.recipes.recipe import MOST_EDGES, MOST_STATES, MOST_VERTICES, Recipe

__all__ = ["RecipeSpace"]

_NODES = MOST_VERTICES - 2
"""The other two vertices are ``x`` and one state at least."""
_NONE = "-"
"""The choice of an input that an operation can do without."""
_NEIGHBOURS = 25
_REMEMBERED = 2**15
"""So many recipes are kept by their decisions, since the canonical form takes longer to find than to look up."""
_DESCRIBED = 2**12
"""So many features are kept, since a strategy asks for those of the same candidates again and again."""
Items = tuple[tuple[str, Choice], ...]
"""Active decisions."""
_MOST_INPUTS = max(most for _, most in ARITY.values())


class RecipeSpace(SearchSpace):
    """The recurrent cells of NAS-Bench-NLP (arXiv 2006.07116): at most 24 vertices, fewer than 100 edges.

    The decisions write a recipe down: the number of hidden states, that of nodes, each node's operation and inputs
    (``x``, ``h0`` to ``h2``, or the number of an earlier node), and the nodes that are the next states. Isomorphic
    cells have one canonical form and one key. Most combinations of choices are no recipe: :meth:`sample` draws as the
    benchmark does, and :meth:`mutate` changes an operation, a connection or a hidden state.

    Examples
    --------
    >>> space = RecipeSpace()
    >>> space.recipe(space.architecture(PRESETS["rnn"])).notation
    'linear(x,h0) tanh(0) | 1'
    """

    sampled_prior = True

    def __init__(self) -> None:
        super().__init__(_decisions(), _conditions())
        self._known: dict[Items, Recipe] = {}
        self._features: dict[Items, np.ndarray] = {}

    def recipe(self, architecture: Mapping[str, Any]) -> Recipe:
        """Return the recipe of an architecture.

        Raises
        ------
        UserError
            If the decisions make none.
        """
        known = self._known.get(tuple(architecture.items()))
        return known or _recipe(super().validate(architecture))

    def architecture(self, recipe: Recipe) -> Architecture:
        """Return the decisions that write a recipe down, in canonical form.

        Raises
        ------
        UserError
            If it has more vertices or edges than the benchmark's recipes.
        """
        items = _written(recipe.canonical)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[items] = recipe.canonical
        return dict(items)

    @property
    def initial(self) -> list[Architecture]:
        """RNN, GRU and LSTM as the benchmark writes them."""
        return [self.architecture(PRESETS[name]) for name in ("rnn", "gru", "lstm")]

    @property
    def size(self) -> None:
        """Nobody has counted the cells."""
        return None

    def __iter__(self) -> Iterator[Architecture]:
        raise UserError("the recipes are too many to list; draw some with sample()")

    def sample(
        self, rng: np.random.Generator, uniform: Literal["decision", "architecture"] = "decision"
    ) -> Architecture:
        """Draw as NAS-Bench-NLP does: see :func:`~nni_nasplus.spaces.recurrent.recipes.generator.random_recipe`.

        Raises
        ------
        UserError
            For ``uniform="architecture"``: this space cannot count itself.
        """
        if uniform == "architecture":
            raise UserError("this space cannot count itself; sample it with uniform='decision'")
        return self.architecture(random_recipe(rng))

    def validate(self, architecture: Mapping[str, Any]) -> Architecture:
        """The canonical form.

        Raises
        ------
        UserError
            Names the decision that is unknown, missing or wrong, or what keeps the recipe from being one.
        """
        require_decisions(architecture)
        if tuple(architecture.items()) in self._known:
            return dict(architecture)
        return self.architecture(self.recipe(architecture))

    def mutate(self, architecture: Mapping[str, Any], rng: np.random.Generator) -> Architecture:
        """Change an operation, a connection or a hidden state, add or drop a node.

        Raises
        ------
        UserError
            If nothing gives another recipe.
        """
        return self.architecture(mutated(self.recipe(architecture), rng))

    def crossed(self, one: Mapping[str, Any], other: Mapping[str, Any], rng: np.random.Generator) -> Architecture:
        """Either of them, drawn: node 3 of one recipe has nothing to do with node 3 of another."""
        return self.validate((one, other)[rng.integers(2)])

    def neighbours(self, architecture: Mapping[str, Any], rng: np.random.Generator) -> Iterator[Architecture]:
        """Yield the distinct ones of twenty-five mutants."""
        recipe, known = self.recipe(architecture), set()
        for _ in range(_NEIGHBOURS):
            mutant = mutated(recipe, rng)
            if mutant.key not in known:
                known.add(mutant.key)
                yield self.architecture(mutant)

    def features(self, architectures: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """How the output is made, and the paths of the graph; float64 [architectures, features].

        The decisions themselves are none: which number a node has says little. See
        :func:`~nni_nasplus.spaces.recurrent.recipes.features.features`.

        Parameters
        ----------
        architectures
            In canonical form.
        """
        rows = [self._described(architecture) for architecture in architectures]
        return np.array(rows).reshape(len(rows), len(GROUPS))

    def _described(self, architecture: Mapping[str, Any]) -> np.ndarray:
        items = tuple(architecture.items())
        if items not in self._features:
            if len(self._features) >= _DESCRIBED:
                self._features.clear()
            self._features[items] = features(self.recipe(architecture))
        return self._features[items]

    @property
    def feature_groups(self) -> np.ndarray:
        """Each part of how the output is made is a group, and the paths of each length; int [features]."""
        return GROUPS


def _decisions() -> dict[str, list[Choice]]:
    """Their first choices make a recipe, ``linear(x,h0) | 0``, since NNI builds that first."""
    decisions: dict[str, list[Choice]] = {
        "states": list(range(1, MOST_STATES + 1)),
        "nodes": list(range(1, _NODES + 1)),
    }
    for node in range(_NODES):
        sources = ["x", *(f"h{state}" for state in range(MOST_STATES)), *map(str, range(node))]
        decisions[f"op{node}"] = list(OPERATIONS)
        decisions[f"in{node}_0"] = list(sources)
        decisions[f"in{node}_1"] = [*sources[1:], "x", _NONE]
        decisions[f"in{node}_2"] = [_NONE, *sources]
    for state in range(MOST_STATES):
        decisions[f"state{state}"] = list(range(_NODES))
    return decisions


def _conditions() -> dict[str, dict[str, list[Choice]]]:
    conditions: dict[str, dict[str, list[Choice]]] = {}
    for node in range(1, _NODES):
        conditions[f"op{node}"] = {"nodes": list(range(node + 1, _NODES + 1))}
    for node in range(_NODES):
        exists = conditions.get(f"op{node}", {})
        for place in range(_MOST_INPUTS):
            takes: list[Choice] = [short for short, op in OPERATIONS.items() if ARITY[op][1] > place]
            conditions[f"in{node}_{place}"] = {**exists, f"op{node}": takes}
    for state in range(1, MOST_STATES):
        conditions[f"state{state}"] = {"states": list(range(state + 1, MOST_STATES + 1))}
    return conditions


def _recipe(chosen: Architecture) -> Recipe:
    states = {chosen[f"state{state}"]: f"h_new_{state}" for state in range(int(chosen["states"]))}
    if len(states) < int(chosen["states"]):
        raise UserError("two of the next states are one node; let each be a node of its own")
    if beyond := [node for node in states if int(node) >= int(chosen["nodes"])]:
        raise UserError(f"node {beyond[0]} is to be a state and is not there; there are {chosen['nodes']} from 0 on")
    names = {str(node): states.get(node, str(node)) for node in range(int(chosen["nodes"]))}
    long = {"x": "x", **{f"h{state}": f"h_prev_{state}" for state in range(MOST_STATES)}, **names}
    nodes = {}
    for node, name in names.items():
        given = (chosen.get(f"in{node}_{place}", _NONE) for place in range(_MOST_INPUTS))
        inputs = tuple(long[str(source)] for source in given if source != _NONE)
        nodes[name] = Node(OPERATIONS[str(chosen[f"op{node}"])], inputs)
    return Recipe(nodes)


def _written(recipe: Recipe) -> Items:
    """The decisions of a recipe in canonical form."""
    vertices, edges = recipe.size
    if vertices > MOST_VERTICES or edges > MOST_EDGES:
        raise UserError(
            f"the recipe has {vertices} vertices and {edges} edges; {MOST_VERTICES} and {MOST_EDGES} are most"
        )
    number = {name: place for place, name in enumerate(recipe.nodes)}
    short = {"x": "x", **{f"h_prev_{state}": f"h{state}" for state in range(recipe.n_states)}}
    short |= {name: str(place) for name, place in number.items()}
    items: list[tuple[str, Choice]] = [("states", recipe.n_states), ("nodes", len(number))]
    for node, (op, inputs) in enumerate(recipe.nodes.values()):
        items.append((f"op{node}", SHORT[op]))
        given = [short[source] for source in inputs] + [_NONE] * _MOST_INPUTS
        items += [(f"in{node}_{place}", given[place]) for place in range(ARITY[op][1])]
    items += [(f"state{state}", number[f"h_new_{state}"]) for state in range(recipe.n_states)]
    return tuple(items)
