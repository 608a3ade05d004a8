import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus.spaces.recurrent import Recipe, RecurrentCell
from nni_nasplus.spaces.recurrent.recipes.generator import random_recipe
from nni_nasplus.spaces.recurrent.recipes.response import LENGTH, _layer, _outputs, response


def test_a_sum_over_time_keeps_every_change():
    found = response(Recipe.parse("linear(x) sum(0,h0) | 1").canonical)
    assert found[2:4] == pytest.approx(0, abs=1e-6)


def test_a_cell_that_shrinks_its_state_forgets():
    found = response(Recipe.parse("linear(x,h0) sigm(0) prod(1,h0) linear(x) sum(2,3) | 4").canonical)
    assert found[2] > 0
    assert found[3] > found[2]


def test_a_constant_output_answers_to_nothing():
    size, now = response(Recipe.parse("linear(x,h0) prod(h0,0) | 1").canonical)[[4, 6]]
    assert size == now == pytest.approx(-9)


@given(st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_responses_are_finite_even_of_cells_that_explode(seed):
    recipe = random_recipe(np.random.default_rng(seed)).canonical
    found = response(recipe)
    assert found.shape == (LENGTH,)
    assert np.isfinite(found).all()
    assert (found == response(recipe)).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_small_cell_is_the_trained_one_made_small(seed):
    recipe = random_recipe(np.random.default_rng(seed)).canonical
    inputs = np.random.default_rng(seed).normal(0, 0.1, (6, 3, 16))
    cell, rng = RecurrentCell(recipe, 16, 16).double(), np.random.default_rng(seed)
    for name, node in recipe.nodes.items():
        if node.op == "linear":
            layer, ways = _layer(len(node.inputs), rng), len(node.inputs)
            bias = layer(np.zeros((ways, 1, 16)))
            weights = np.split(layer(np.eye(16 * ways).reshape(16 * ways, ways, 16).swapaxes(0, 1)) - bias, ways)
            cell.matrices(name)["bias"].copy_(torch.from_numpy(bias[0]))
            for source, weight in zip(node.inputs, weights, strict=True):
                cell.matrices(name)[source].copy_(torch.from_numpy(weight.T))
    with torch.no_grad():
        expected = cell(torch.from_numpy(inputs))[0].numpy()
    found = _outputs(recipe, inputs, np.random.default_rng(seed))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
