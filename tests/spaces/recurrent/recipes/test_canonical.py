"""The canonical form of recipes: names, order and symmetry do not matter."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from recipes import SPACE, isomorphic, seeds, shuffled

from nni_nasplus.spaces.recurrent import Node, Recipe
from nni_nasplus.spaces.recurrent.recipes.generator import random_recipe


@settings(deadline=None, max_examples=60)
@given(seeds)
def test_names_order_and_dead_nodes_do_not_change_the_canonical_form(seed):
    rng = np.random.default_rng(seed)
    recipe = random_recipe(rng)
    other = shuffled(recipe, random.Random(seed))
    assert other.canonical == recipe.canonical == recipe.canonical.canonical
    assert list(other.canonical.nodes) == list(recipe.canonical.nodes)
    assert isomorphic(recipe.canonical, recipe)
    assert SPACE.architecture(other) == SPACE.architecture(recipe)


@pytest.mark.parametrize("twins", [2, 5, 7])
def test_cells_full_of_symmetry_have_one_canonical_form_quickly(twins):
    nodes = {}
    for i in range(twins):
        nodes |= {f"l{i}": Node("linear", ("x", "h_prev_0")), f"t{i}": Node("activation_tanh", (f"l{i}",))}
    for i in range(1, twins):
        before = "t0" if i == 1 else f"s{i - 1}"
        nodes["h_new_0" if i == twins - 1 else f"s{i}"] = Node("elementwise_sum", (before, f"t{i}"))
    recipe = Recipe(nodes)
    assert {shuffled(recipe, random.Random(seed)).key for seed in range(10)} == {recipe.key}


def test_the_states_but_the_first_may_be_renumbered():
    swap = {"h_new_1": "h_new_2", "h_new_2": "h_new_1", "h_prev_1": "h_prev_2", "h_prev_2": "h_prev_1"}
    rng = np.random.default_rng(3)
    three = next(recipe for recipe in iter(lambda: random_recipe(rng), None) if recipe.n_states == 3)
    nodes = {swap.get(n, n): Node(op, tuple(swap.get(s, s) for s in i)) for n, (op, i) in three.nodes.items()}
    assert Recipe(nodes).canonical == three.canonical
