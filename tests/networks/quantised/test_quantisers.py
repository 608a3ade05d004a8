"""Few bits: which values there are, which gradients pass, and what it costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.networks.quantised.bit_operations import bit_operations, kibibytes, multiply_adds
from nni_nasplus.networks.quantised.grids import Grid, input_grid, require_bits, weight_grid
from nni_nasplus.networks.quantised.layers import Bits, QuantisedLayer, quantise_layers
from nni_nasplus.networks.quantised.quantisers import noisy, quantised_inputs, quantised_weights

FEW = st.integers(1, 8)
few_examples = settings(deadline=None, max_examples=20)
NUMBERS = np.linspace(-8, 8, 160_001)


def squared_error(grid: Grid, step: float, numbers: np.ndarray) -> float:
    k = np.clip(np.round(numbers / step - grid.offset), grid.low, grid.high)
    return float((((k + grid.offset) * step - numbers) ** 2 * norm.pdf(NUMBERS)).sum())


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bits", range(1, 9))
def test_the_steps_of_weights_have_the_least_squared_error_of_normal_numbers(bits):
    grid = weight_grid(bits)
    least = squared_error(grid, grid.step, NUMBERS)
    assert all(squared_error(grid, grid.step * factor, NUMBERS) > least for factor in (0.97, 1.03))


@pytest.mark.parametrize("bits", range(5, 9))
def test_beyond_the_published_bits_those_of_inputs_have_too(bits):
    for signed, numbers in ((True, NUMBERS), (False, np.maximum(NUMBERS, 0))):
        grid = input_grid(bits, signed=signed)
        least = squared_error(grid, grid.step, numbers)
        assert all(squared_error(grid, grid.step * factor, numbers) > least for factor in (0.97, 1.03))


def test_the_published_steps():
    assert [weight_grid(bits).step for bits in (1, 2, 3, 4)] == [1.596, 0.996, 0.586, 0.336]
    assert [input_grid(bits, signed=False).step for bits in (1, 2, 3, 4)] == [0.799, 0.538, 0.3217, 0.185]


@few_examples
@given(bits=FEW, seed=st.integers(0, 99))
def test_weights_have_at_most_so_many_values_and_scale_with_their_deviation(bits, seed):
    weights = normal(40, 50, seed=seed)
    few = quantised_weights(weights, bits)
    assert few.unique().numel() <= 2**bits
    torch.testing.assert_close(quantised_weights(weights * 8, bits), few * 8)


@few_examples
@given(bits=FEW, signed=st.booleans(), seed=st.integers(0, 99))
def test_inputs_have_at_most_so_many_values_none_beyond_the_ends(bits, signed, seed):
    inputs, grid = normal(500, seed=seed) * 3, input_grid(bits, signed=signed)
    few = quantised_inputs(inputs, bits, torch.tensor(2.0), signed=signed)
    assert few.unique().numel() <= 2**bits
    assert few.min() >= 2 * grid.step * (grid.low + grid.offset) - 1e-5
    assert few.max() <= 2 * grid.step * (grid.high + grid.offset) + 1e-5
    again = quantised_inputs(few, bits, torch.tensor(2.0), signed=signed)
    torch.testing.assert_close(again, few)


def test_more_bits_are_nearer():
    weights = normal(4000)
    errors = [float((quantised_weights(weights, bits) - weights).square().mean()) for bits in (*range(1, 9), 32)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == 0


@pytest.mark.parametrize("bits", [1, 4, 8, 32])
def test_gradients_of_weights_pass_as_if_all_bits_were_there(bits):
    weights = normal(60).requires_grad_()
    factors = normal(60, seed=1)
    (quantised_weights(weights, bits) * factors).sum().backward()
    assert torch.equal(weights.grad, factors)


def test_gradients_of_inputs_pass_between_the_ends_alone():
    inputs = torch.tensor([-0.5, 0.1, 1.0, 99.0], requires_grad=True)
    quantised_inputs(inputs, 2, torch.ones(()), signed=False).sum().backward()
    assert inputs.grad.tolist() == [0, 1, 1, 0]


@few_examples
@given(bits=FEW)
def test_noise_is_as_large_as_published_and_no_gradient_flows_through_it(bits):
    numbers = normal(20_000).requires_grad_()
    noise = noisy(numbers, bits, torch.Generator().manual_seed(2)) - numbers
    noisy(numbers, bits, torch.Generator().manual_seed(2)).sum().backward()
    assert torch.equal(numbers.grad, torch.ones_like(numbers))
    expected = float(numbers.detach().max() - numbers.detach().min()) / (2**bits - 1) / 2
    assert float(noise.detach().std()) == pytest.approx(expected, rel=0.03)
    assert noisy(numbers, 32, torch.Generator()) is numbers


class Small(nn.Sequential):
    def __init__(self) -> None:
        torch.manual_seed(0)
        head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2))
        super().__init__(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1, bias=False), head)


LAYERS = {"0": 4 * 16 * 27, "3": 5 * 16 * 4, "4.2": 2 * 5}


def test_multiply_adds_are_counted_in_the_order_of_the_layers():
    assert multiply_adds(Small(), torch.zeros(1, 3, 8, 8)) == LAYERS
    assert list(multiply_adds(Small(), torch.zeros(1, 3, 8, 8))) == list(LAYERS)


def test_a_layer_that_is_called_twice_or_never_is_left_out():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.never, self.twice, self.once = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 3)

        def forward(self, x):
            return self.once(self.twice(self.twice(x)))

    assert multiply_adds(Twice(), torch.zeros(1, 2)) == {"once": 6}


@pytest.mark.parametrize("training", [True, False])
def test_a_network_of_32_bits_is_the_float_network_bit_by_bit(training):
    x = normal(6, 3, 8, 8)
    whole, few = Small().train(training), quantise_layers(Small(), dict.fromkeys(LAYERS, Bits(32, 32))).train(training)
    assert torch.equal(whole(x), few(x))
    for network in (whole, few):
        network(x).square().sum().backward()
    assert torch.equal(whole[0].weight.grad, few[0].layer.weight.grad)


def test_8_bits_cost_four_times_as_much_as_4_and_the_size_is_that_of_the_bits():
    uniform = {bits: dict.fromkeys(LAYERS, (bits, bits)) for bits in (4, 8, 32)}
    costs = {bits: bit_operations(LAYERS, uniform[bits]) for bits in uniform}
    assert costs[8] / costs[4] == 4
    assert costs[32] == bit_operations(LAYERS, {}) == 1024 * sum(LAYERS.values())
    others = 4 + 8 + 2
    quantised = quantise_layers(Small(), dict.fromkeys(LAYERS, Bits(4, 8)))
    assert kibibytes(quantised) == pytest.approx(((108 + 20 + 10) * 4 + others * 32) / 8192)
    assert kibibytes(Small()) == pytest.approx((138 + others) * 32 / 8192)


def test_the_inputs_of_a_layer_are_measured_in_training_alone():
    layer = QuantisedLayer(nn.Linear(4, 2), Bits(4, 4))
    layer.eval()(normal(9, 4) * 7)
    assert float(layer.power) == 1
    batches = [normal(9, 4, seed=seed).abs() * 7 for seed in range(3)]
    for batch in batches:
        layer.train()(batch)
    assert float(layer.power) == pytest.approx(float(torch.cat(batches).square().mean()), rel=1e-5)
    assert not layer.negative
    layer(-batches[0])
    assert layer.negative


def test_a_layer_that_is_none_is_named():
    with pytest.raises(UserError, match="no layer '1' that can be quantised"):
        quantise_layers(Small(), {"1": Bits(4, 4)})


@pytest.mark.parametrize("bits", [0, -1, 9, 4.0, "4", True, math.inf])
def test_bits_that_are_none_are_named(bits):
    with pytest.raises(UserError, match="use whole numbers from 1 to 8, or 32"):
        require_bits([4, bits])


def test_bits_are_sorted_without_repeats():
    assert require_bits([8, 4, 8]) == [4, 8]
    with pytest.raises(UserError, match="no bits"):
        require_bits([])
