"""Recurrent cells by their names, and dropout of their weights."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F

from nni_nasplus import UserError
from nni_nasplus.spaces.recurrent.cells import CELLS, cell_of


@pytest.mark.parametrize("text", CELLS)
def test_weights_are_dropped_alike_at_all_steps_of_training_alone(text):
    torch.manual_seed(0)
    cell, x = cell_of(text, 4, 6, weight_drop=0.4).double(), torch.randn(5, 3, 4, dtype=torch.float64)
    thinned = cell_of(text, 4, 6).double()
    thinned.load_state_dict(cell.state_dict())
    torch.testing.assert_close(cell.eval()(x)[0], thinned(x)[0])
    torch.manual_seed(1)
    found, _ = cell.train()(x)
    torch.manual_seed(1)
    for weight in thinned.weights:
        weight.data = F.dropout(weight.data, 0.4)
    torch.testing.assert_close(found, thinned(x)[0])
    found.sum().backward()
    for weight, dropped in zip(cell.weights, thinned.weights, strict=True):
        assert not weight.grad[dropped == 0].any()
        assert 0 < (dropped == 0).double().mean() < 1


@pytest.mark.parametrize(
    ("text", "n_states"),
    [
        *[(name, 2 if name.startswith("lstm") else 1) for name in CELLS],
        ("linear(x,h0) tanh(0) | 1", 1),
        ('{"h_new_0": {"op": "linear", "input": ["x", "h_prev_0"]}}', 1),
        ("relu0 tanh1", 1),
        ("relu tanh1", 1),
    ],
)
def test_layers_by_name_map_sequences(text, n_states):
    cell = cell_of(text, 3, 5)
    outputs, states = cell(torch.randn(7, 2, 3))
    assert outputs.shape == (7, 2, 5)
    assert [state.shape for state in states] == [(2, 5)] * n_states
    torch.testing.assert_close(outputs[-1], states[0])
    more, _ = cell(torch.randn(1, 2, 3), states)
    assert more.shape == (1, 2, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lstn", "unknown cell 'lstn'; choose one of rnn, gru, lstm, lstm_sigmoid, DARTS_V1, DARTS_V2, ENAS"),
        ("linear(x) | 7", "names node 7 a state"),
        ("relu0 tanh2", "decision 'from2' cannot be 2; allowed: 0, 1"),
        ("relu relu", "decision 'from2' is missing"),
        ("relu0 " * 1000, "nodes is 1000; use 1 to 200"),
        ("relu0 tanh" + "9" * 5000, "unknown cell 'relu0 tanh999"),
        ("tanh(h0) | " + "9" * 5000, "a state, which is not there; it has 1 nodes"),
        (json.dumps({"h_new_" + "9" * 5000: {"op": "linear", "input": ["x"]}}), "next states are"),
        ("linear(x,h0) " * 101 + "| 100", "the recipe has 101 nodes; 100 are most"),
    ],
)
def test_what_is_no_layer_is_named(text, message):
    with pytest.raises(UserError, match=message):
        cell_of(text, 3, 5)
