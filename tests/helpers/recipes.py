"""Recipes: their space, whether two are the same cell, and the same cell written otherwise."""

from __future__ import annotations

import random
import re
from itertools import permutations

import networkx as nx
from hypothesis import strategies as st
from networkx.algorithms.isomorphism import categorical_edge_match, categorical_node_match

from nni_nasplus.spaces.recurrent import Node, Recipe, RecipeSpace

SPACE = RecipeSpace()
seeds = st.integers(0, 2**32)
STATE = re.compile(r"h_(prev|new)_(\d+)")


def isomorphic(one: Recipe, other: Recipe) -> bool:
    """By a search for the mapping, for any numbers of the states but the first."""
    label = categorical_node_match("label", ""), categorical_edge_match("label", "")
    states = range(1, one.n_states)
    return one.n_states == other.n_states and any(
        nx.is_isomorphic(uses(one, {}), uses(other, dict(zip(states, numbers, strict=True))), *label)
        for numbers in permutations(states)
    )


def uses(recipe: Recipe, renumbered: dict[int, int]) -> nx.Graph:
    """A graph with a vertex for each node and one for each use of a node: equal cells are isomorphic by ``label``."""
    graph: nx.Graph = nx.Graph()
    for name in recipe.graph:
        graph.add_node(name, label=label_of(recipe, name, renumbered))
    for name, node in recipe.nodes.items():
        for place, source in enumerate(node.inputs):
            use = f"{name} {place}"
            graph.add_node(use, label=f"use {place}" if node.op == "blend" else "use")
            graph.add_edge(source, use, label="from")
            graph.add_edge(use, name, label="to")
    return graph


def label_of(recipe: Recipe, name: str, renumbered: dict[int, int]) -> str:
    role = name if name == "x" else ""
    if found := STATE.fullmatch(name):
        number = int(found[2])
        role = f"h_{found[1]}_{renumbered.get(number, number)}"
    return f"{role} {recipe.nodes[name].op if name in recipe.nodes else ''}"


def shuffled(recipe: Recipe, rng: random.Random) -> Recipe:
    """The same cell: nodes renamed and reordered, swappable inputs swapped, a dead node added."""
    inner = [name for name in recipe.nodes if not name.startswith("h_new")]
    names = dict(zip(inner, rng.sample([f"a{i}" for i in range(99)], len(inner)), strict=True))
    nodes = []
    for name, (op, inputs) in recipe.nodes.items():
        given = [names.get(source, source) for source in inputs]
        if op != "blend":
            rng.shuffle(given)
        nodes.append((names.get(name, name), Node(op, tuple(given))))
    rng.shuffle(nodes)
    return Recipe({**dict(nodes), "dead": Node("activation_tanh", ("h_prev_0",))})
