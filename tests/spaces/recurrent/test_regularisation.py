"""Dropout of recurrent language models: one mask for all steps, and its gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from language_models import STRONG, Memoryless, model

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent import PRESETS, RecurrentCell, RecurrentLanguageModel
from nni_nasplus.spaces.recurrent.regularisation import Regularisation


def test_regularised_models_have_the_published_number_of_parameters():
    with torch.device("meta"):
        sizes = ((400, 600), (600, 600), (600, 400))
        cells = [RecurrentCell(PRESETS["lstm"], *size, weight_drop=0.5) for size in sizes]
        assert count_parameters(RecurrentLanguageModel(10_000, 400, cells, Regularisation())) == 10_896_400


def test_units_are_dropped_at_all_steps_and_apart_in_each_column():
    network, seen = model(regularisation=STRONG), []
    for layer in network.layers:
        layer.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    outcome = network.run(torch.randint(20, (7, 3)))
    for values in (*seen, outcome.dropped):
        zero = values == 0
        always, somewhere = zero.all(0), zero.any(0)
        assert 0 < always.float().mean() < 1
        assert not torch.equal(always[0], always[1])
        if values is not seen[0]:
            assert torch.equal(always, somewhere)
    kept = outcome.dropped != 0
    torch.testing.assert_close(outcome.dropped[kept], 2 * outcome.raw[kept])
    torch.testing.assert_close(F.linear(outcome.dropped, network.embedding.weight, network.bias), outcome.logits)


def test_words_of_the_vocabulary_are_dropped_wherever_they_stand():
    network = RecurrentLanguageModel(500, 4, [Memoryless()], Regularisation(0.3, 0, 0, 0, 0))
    tokens = torch.cat([torch.arange(500), torch.arange(500)]).reshape(-1, 8)
    once, again = network.run(tokens).raw.reshape(2, 500, 4)
    assert torch.equal(once, again)
    dropped = (once == 0).all(-1)
    assert dropped.float().mean() == pytest.approx(0.3, abs=0.07)
    torch.testing.assert_close(once[~dropped], network.embedding.weight[~dropped] / 0.7)


@pytest.mark.parametrize("recipe", ["rnn", "gru", "lstm"])
def test_weight_drop_is_one_mask_for_all_steps_and_its_gradient_reaches_the_weights(recipe):
    torch.manual_seed(0)
    cell = RecurrentCell(PRESETS[recipe], 5, 6, weight_drop=0.5).double()
    plain = RecurrentCell(PRESETS[recipe], 5, 6).double()
    plain.load_state_dict(cell.state_dict())
    x = torch.randn(9, 3, 5, dtype=torch.float64)
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in plain.weights:
            weight.copy_(F.dropout(weight, 0.5))
    torch.manual_seed(1)
    outputs, expected = cell(x)[0], plain(x)[0]
    torch.testing.assert_close(outputs, expected)
    outputs.square().sum().backward()
    expected.square().sum().backward()
    for weight, dropped in zip(cell.weights, plain.weights, strict=True):
        kept = dropped != 0
        assert 0.2 < kept.double().mean() < 0.8
        torch.testing.assert_close(weight.grad, torch.where(kept, 2 * dropped.grad, 0))
    for name in ("weight_x", "bias"):
        torch.testing.assert_close(getattr(cell, name).grad, getattr(plain, name).grad)
    plain.load_state_dict(cell.state_dict())
    torch.testing.assert_close(cell.eval()(x), plain(x))


def test_weight_drop_trains_the_weights_it_drops():
    network = model(regularisation=STRONG)
    before = [weight.clone() for layer in network.layers for weight in layer.weights]
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    network(torch.randint(20, (7, 3)))[0].square().sum().backward()
    optimizer.step()
    after = [weight for layer in network.layers for weight in layer.weights]
    for old, new in zip(before, after, strict=True):
        assert 0.2 < (old != new).float().mean() < 0.8, "those kept have moved"


def test_evaluation_drops_nothing():
    tokens = torch.randint(20, (7, 3))
    network, plain = model(regularisation=STRONG), model()
    assert not torch.equal(network(tokens)[0], network(tokens)[0])
    network.eval()
    assert torch.equal(network(tokens)[0], network(tokens)[0])
    torch.testing.assert_close(network(tokens)[0], plain(tokens)[0])
    outcome = network.run(tokens)
    assert torch.equal(outcome.raw, outcome.dropped)


def test_rates_of_dropout_are_checked():
    assert Regularisation.of({"weight": 0}) == Regularisation(weight=0.0)
    for rates, message in [
        ({"weights": 0.1}, "there is no weights dropout; the rates are embedding, input, hidden, output, weight"),
        ({"input": 1}, "the input dropout is 1.0; use 0 or more and less than 1"),
        ({"input": "much"}, "the rates of dropout are {'input': 'much'}; use numbers"),
    ]:
        with pytest.raises(UserError, match=message):
            Regularisation.of(rates)
