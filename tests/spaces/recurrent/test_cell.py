"""Recurrent cells: equality with torch's own and with the plain interpreter."""

from __future__ import annotations

import pytest
import torch
from recurrent_reference import InterpretedCell
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_flops
from nni_nasplus.spaces.recurrent import PRESETS, Recipe, RecurrentCell


def test_the_lstm_is_torchs():
    torch.manual_seed(0)
    cell, theirs = RecurrentCell(PRESETS["lstm_sigmoid"], 5, 7).double(), nn.LSTM(5, 7).double()
    for gate, name in enumerate("jfio"):
        rows, matrices = slice(7 * gate, 7 * gate + 7), cell.matrices(name)
        matrices["x"].copy_(theirs.weight_ih_l0[rows].detach())
        matrices["h_prev_0"].copy_(theirs.weight_hh_l0[rows].detach())
        matrices["bias"].copy_((theirs.bias_ih_l0 + theirs.bias_hh_l0)[rows].detach())
    x = torch.randn(9, 3, 5, dtype=torch.float64)
    outputs, (hidden, memory) = cell(x)
    expected, (their_hidden, their_memory) = theirs(x)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(hidden, their_hidden[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(memory, their_memory[0], rtol=0, atol=1e-6)


def test_the_gru_is_the_first_papers():
    torch.manual_seed(0)
    cell, x = RecurrentCell(PRESETS["gru"], 5, 7).double(), torch.randn(6, 3, 5, dtype=torch.float64)
    r, z, n = (cell.matrices(name) for name in ("r", "z", "h_tilde"))
    h, expected = torch.zeros(3, 7, dtype=torch.float64), []
    for step in x:
        reset = torch.sigmoid(step @ r["x"].T + h @ r["h_prev_0"].T + r["bias"])
        update = torch.sigmoid(step @ z["x"].T + h @ z["h_prev_0"].T + z["bias"])
        new = torch.tanh(step @ n["x"].T + (reset * h) @ n["rh"].T + n["bias"])
        h = update * h + (1 - update) * new
        expected.append(h)
    torch.testing.assert_close(cell(x)[0], torch.stack(expected))


def both(recipe: Recipe) -> tuple[RecurrentCell, InterpretedCell]:
    torch.manual_seed(0)
    cell = RecurrentCell(recipe, 4, 6).double()
    plain = InterpretedCell(cell.recipe, 4, 6).double()
    plain.copy(cell)
    return cell, plain


def test_values_and_gradients_are_those_of_the_plain_interpreter(published):
    for row in published[::7]:
        cell, plain = both(Recipe.parse(row["recipe"]))
        x = torch.randn(5, 3, 4, dtype=torch.float64)
        inputs = [x.clone().requires_grad_() for _ in range(2)]
        states = [torch.randn(3, 6, dtype=torch.float64) for _ in range(cell.n_states)]
        found, expected = (layer(given, states) for layer, given in zip((cell, plain), inputs, strict=True))
        torch.testing.assert_close(found, expected)
        for outputs, last in (found, expected):
            (outputs.square().sum() + last[-1].sum()).backward()
        torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
        require_equal_gradients(cell, plain)


def test_single_precision_on_arranged_weights_equals_double(published):
    for row in published[::30]:
        cell, plain = both(Recipe.parse(row["recipe"]))
        x = torch.randn(5, 3, 4, dtype=torch.float64)
        expected, _ = plain(x)
        expected.square().sum().backward()
        single = RecurrentCell(cell.recipe, 4, 6)
        single.load_state_dict(cell.state_dict())
        found, _ = single(x.float())
        found.square().sum().backward()
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)
        for parameter, exact in zip(cell.parameters(), single.parameters(), strict=True):
            parameter.grad = exact.grad.double()
        require_equal_gradients(cell, plain, rtol=1e-3, atol=1e-4)
        with torch.no_grad():
            torch.testing.assert_close(single(x.float())[0], found)


def test_frozen_weights_let_gradients_through_to_the_input():
    cell, _ = both(PRESETS["gru"])
    x = torch.randn(5, 3, 4, dtype=torch.float64, requires_grad=True)
    cell(x)[0].sum().backward()
    expected, x.grad = x.grad, None
    cell.requires_grad_(False)(x)[0].sum().backward()
    torch.testing.assert_close(x.grad, expected)


def require_equal_gradients(cell: RecurrentCell, plain: InterpretedCell, **tolerance: float) -> None:
    for parameter in cell.parameters():
        parameter.data.copy_(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)
    for name, node in plain.recipe.nodes.items():
        for place, source in enumerate(node.inputs if node.op == "linear" else ()):
            layer = plain.layers[f"{name} {place}"]
            torch.testing.assert_close(cell.matrices(name)[source], layer.weight.grad, **tolerance)
            if place == 0:
                torch.testing.assert_close(cell.matrices(name)["bias"], layer.bias.grad, **tolerance)


def test_gradients_accumulate_as_anywhere_and_need_no_graph_to_be_evaluated():
    cell, _ = both(PRESETS["gru"])
    x = torch.randn(5, 3, 4, dtype=torch.float64)
    loss = cell(x)[0].square().sum()
    loss.backward(retain_graph=True)
    once = [p.grad.clone() for p in cell.parameters()]
    loss.backward()
    torch.testing.assert_close([p.grad for p in cell.parameters()], [2 * g for g in once])
    with torch.no_grad():
        torch.testing.assert_close(cell(x)[0].square().sum(), loss.detach())
    assert torch.autograd.gradcheck(lambda *_: cell(x)[0], tuple(cell.parameters()))


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("{", "no recipe"),
        ({"h_new_0": {"op": "linear"}}, "no recipe"),
        ({"h_new_0": {"op": "convolution", "input": ["x"]}}, "'h_new_0' has the unknown operation 'convolution'"),
        ({"h_new_0": {"op": "linear", "input": ["x", "h_prev_0", "f"]}}, "takes 'f', which is not there"),
        ({"h_new_0": {"op": "blend", "input": ["h_prev_0", "h_prev_0"]}}, "has 2 inputs; blend takes 3 to 3"),
        ({"h_new_0": {"op": "elementwise_sum", "input": ["x", "h_prev_0"]}}, "takes x by elementwise_sum"),
        (
            {
                "a": {"op": "activation_tanh", "input": ["b"]},
                "b": {"op": "activation_tanh", "input": ["a"]},
                "h_new_0": {"op": "linear", "input": ["x", "h_prev_0", "b"]},
            },
            "form a circle: a → b → a",
        ),
        ({"h_new_0": {"op": "activation_tanh", "input": ["h_prev_0"]}}, "no path leads from x"),
        ({"h_new_0": {"op": "linear", "input": ["x", "h_prev_1"]}}, r"states read are \[1\], those written \[0\]"),
        ({"h_new_1": {"op": "linear", "input": ["x", "h_prev_1"]}}, r"next states are \[1\]"),
    ],
)
def test_what_is_no_cell_is_named(recipe, message):
    with pytest.raises(UserError, match=message):
        Recipe.parse(recipe)


def test_operations_are_two_a_weight_and_token_in_any_precision():
    cell = RecurrentCell(PRESETS["lstm"], 6, 8)
    operations = 2 * sum(weight.numel() for weight in cell.parameters() if weight.dim() == 2)
    assert count_flops(cell, torch.zeros(3, 1, 6)) == 3 * operations
    assert count_flops(cell.double(), torch.zeros(3, 1, 6, dtype=torch.float64)) == 3 * operations
