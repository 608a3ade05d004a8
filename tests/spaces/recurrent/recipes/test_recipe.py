"""Recipes: the published ones and their counts, keys, and what is no cell."""

from __future__ import annotations

import random

import pytest
import torch
from recipes import isomorphic, shuffled

from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent import PRESETS, Node, Recipe, RecurrentCell

SIZES = ((400, 600), (600, 600), (600, 400))
EMBEDDED = 401


def stacked(recipe: Recipe) -> int:
    """The parameters of three layers, built without memory."""
    with torch.device("meta"):
        return sum(count_parameters(RecurrentCell(recipe, *sizes)) for sizes in SIZES)


def test_every_published_recipe_has_the_published_number_of_parameters(published):
    vocabulary = 33_278
    for row in published:
        recipe = Recipe.parse(row["recipe"])
        assert Recipe.parse(recipe.to_json()) == recipe
        assert stacked(recipe) + EMBEDDED * vocabulary == row["params"]
        assert recipe.size[0] <= 24
        assert recipe.size[1] < 100


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [("rnn", (4, 3), 5_731_600), ("gru", (10, 14), 9_174_800), ("lstm", (16, 21), 10_896_400)],
)
def test_the_hand_written_cells_are_the_published_ones(published, name, size, parameters):
    assert PRESETS[name].size == size
    assert stacked(PRESETS[name]) + EMBEDDED * 10_000 == parameters
    assert PRESETS[name].key in {Recipe.parse(row["recipe"]).key for row in published[:3]}


def test_equal_keys_mean_equal_cells_and_no_others(published):
    recipes = [Recipe.parse(text) for text in {row["recipe"] for row in published}]
    groups: dict[str, list[Recipe]] = {}
    for recipe in recipes:
        groups.setdefault(recipe.key, []).append(recipe)
    assert len(recipes) > len(groups) > 250, "some of the published recipes are one cell under two names"
    for first, *others in groups.values():
        assert all(isomorphic(first, other) for other in others)
    rng = random.Random(0)
    for recipe in rng.sample(recipes, 60):
        assert shuffled(recipe, rng).key == recipe.key


def test_a_small_change_changes_the_key():
    lstm = PRESETS["lstm"]
    assert lstm.key != PRESETS["lstm_sigmoid"].key
    gru = dict(PRESETS["gru"].nodes)
    gru["h_new_0"] = Node("blend", ("z_act", "h_tilde_act", "h_prev_0"))
    assert Recipe(gru).key != PRESETS["gru"].key
