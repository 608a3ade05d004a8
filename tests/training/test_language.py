"""Training language models: the measures of a text, carried states, exact resumption."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from language_models import LIGHT, STRONG, Memoryless, model
from safetensors.torch import load_file
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.data.text import TextBatches, TextDataModule, Vocabulary
from nni_nasplus.errors import TrialFailed
from nni_nasplus.spaces.recurrent import RecurrentCellSpace, RecurrentLanguageModel
from nni_nasplus.training.language import LanguageModelling
from nni_nasplus.training.text.language_model import LanguageModel, activation_penalty


def validated(network, text, bptt=70, columns=10):
    """The measures of the validation text."""
    trainer = pl.Trainer(logger=False, enable_checkpointing=False, **LIGHT)
    batches = TextBatches(TextDataModule(text).ids["val"], columns, bptt)
    (metrics,) = trainer.validate(LanguageModel(network), batches, verbose=False)
    return metrics


def test_one_long_pass_is_that_of_two_halves():
    network, tokens = model().eval(), torch.randint(20, (9, 3))
    whole, last = network(tokens)
    first, states = network(tokens[:4])
    second, end = network(tokens[4:], states)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(end, last)


def test_half_precision_leaves_the_states_whole():
    network, tokens = model(regularisation=STRONG, recipe="gru"), torch.randint(20, (9, 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outcome = network.run(tokens)
    assert outcome.logits.dtype == torch.bfloat16
    assert {state.dtype for layer in outcome.states for state in layer} == {torch.float32}
    outcome.logits.float().square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


def test_the_penalty_of_activations_is_the_sum_over_all_of_them():
    outcome = model(regularisation=STRONG).run(torch.randint(20, (7, 3)))
    raw, dropped = outcome.raw.detach().numpy(), outcome.dropped.detach().numpy()
    steps, columns, units = raw.shape
    size = sum(dropped[t, b, e] ** 2 for t in range(steps) for b in range(columns) for e in range(units))
    change = sum(
        (raw[t + 1, b, e] - raw[t, b, e]) ** 2 for t in range(steps - 1) for b in range(columns) for e in range(units)
    )
    expected = 3 * size / raw.size + 0.7 * change / raw[1:].size
    assert activation_penalty(outcome, 3, 0.7).item() == pytest.approx(expected, rel=1e-5)
    one = model().run(torch.randint(20, (1, 3)))
    assert activation_penalty(one, 1, 1).item() == pytest.approx(one.dropped.square().mean().item())


def test_a_network_that_knows_nothing_has_the_perplexity_of_its_vocabulary(text):
    network = model(vocabulary=33)
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    metrics = validated(network, text)
    assert metrics["val_perplexity"] == pytest.approx(33, rel=1e-5)
    assert metrics["val_bits_per_token"] == pytest.approx(math.log2(33), rel=1e-6)


@pytest.mark.parametrize("columns", [1, 7, 10, 64])
def test_the_loss_is_the_mean_over_all_tokens_whatever_the_columns(text, columns):
    torch.manual_seed(0)
    network = RecurrentLanguageModel(20, 6, [Memoryless()])
    nn.init.normal_(network.embedding.weight)
    ids = torch.from_numpy(TextDataModule(text).ids["val"].astype(np.int64))
    expected = F.cross_entropy(network(ids[:-1].unsqueeze(1))[0].squeeze(1), ids[1:]).item()
    metrics = validated(network, text, 33, columns)
    assert metrics["val_loss"] == pytest.approx(expected, rel=1e-5)
    assert metrics["val_perplexity"] == pytest.approx(math.exp(expected), rel=1e-5)


def test_the_loss_is_that_of_one_pass_whatever_the_pieces(text):
    network = model()
    nn.init.normal_(network.embedding.weight)
    ids = torch.from_numpy(TextDataModule(text).ids["val"].astype(np.int64))
    logits, _ = network(ids[:-1].unsqueeze(1))
    expected = F.cross_entropy(logits.squeeze(1), ids[1:]).item()
    for bptt in (7, 1000):
        assert validated(network, text, bptt, 1)["val_loss"] == pytest.approx(expected, rel=1e-5)


def evaluator(text, **options):
    plain = {"epochs": 2, "batch_size": 8, "bptt": 20, "learning_rate": 0.02}
    return LanguageModelling(str(text), **{**plain, **options})


def test_training_beats_the_frequencies_of_words_and_repeats_itself(text, tmp_path):
    results = [evaluator(text).fit(model(16, 24, layers=1), tmp_path / name) for name in "ab"]
    for result in results:
        result.pop("seconds")
    assert results[0] == results[1]
    counts = Counter(TextDataModule(text).ids["val"].tolist())
    shares = np.array(list(counts.values())) / counts.total()
    entropy = -(shares * np.log(shares)).sum()
    assert results[0]["perplexity"] < 0.6 * math.exp(entropy)
    weights = load_file(tmp_path / "a" / "model.safetensors")
    network = model(16, 24, layers=1)
    network.load_state_dict(weights)
    assert validated(network, text, bptt=20)["val_loss"] == pytest.approx(results[0]["loss"], rel=1e-6)
    assert evaluator(text).test(network)["bits_per_token"] < 0.7 * entropy / math.log(2)


@pytest.mark.parametrize("compat", [True, False])
def test_as_the_published_code_trains_recurrent_weights_stay_as_they_began(text, tmp_path, compat):
    network = model(16, 8, STRONG)
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    evaluator(text, epochs=1, compat=compat).fit(network, tmp_path)
    fixed = {name for name, weight in network.named_parameters() if weight.equal(before[name])}
    assert fixed == ({"layers.0.weights.0", "layers.1.weights.0"} if compat else set())


def test_an_architecture_is_evaluated(text, tmp_path):
    space = RecurrentCellSpace(vocabulary=16, embedding=8, hidden=8, layers=2)
    metrics = evaluator(text, epochs=1).evaluate(space, space.parse_genotype("gru"), tmp_path)
    assert {"perplexity", "loss", "bits_per_token", "seconds", "epochs", "parameters", "flops"} == set(metrics)
    assert 1 < metrics["perplexity"] < 20


def test_the_learning_rate_follows_the_length_and_the_gradient_is_clipped(text, tmp_path):
    rates, norms = [], []

    class Watched(LanguageModel):
        def on_train_batch_end(self, outputs, batch, batch_index):
            (group,) = self.trainer.optimizers[0].param_groups
            rates.append((group["lr"], len(batch.tokens)))
            norms.append(nn.utils.get_total_norm([p.grad for p in self.parameters()]).item())

    class Watching(LanguageModelling):
        def task(self, network):
            return Watched(network, learning_rate=0.02, bptt=20)

    Watching(str(text), epochs=1, batch_size=8, bptt=20, clip=0.1).fit(model(16), tmp_path)
    assert len({length for _, length in rates}) > 3
    assert all(rate == pytest.approx(0.02 * length / 20) for rate, length in rates)
    assert max(norms) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("rates", [{"learning_rate": 1e30}])
def test_a_training_that_diverges_stops_at_once(text, tmp_path, rates):
    network = model(16)
    with pytest.raises(
        TrialFailed, match=r"the training loss is (nan|inf) in batch [2-4] of epoch 1: training diverged"
    ):
        evaluator(text, epochs=5, **rates).fit(network, tmp_path)


def test_a_perplexity_beyond_numbers_fails_the_trial(text, tmp_path):
    network = model(16)
    nn.init.constant_(network.bias, 0.0)
    with torch.no_grad():
        network.bias[0] = 500
    with pytest.raises(TrialFailed, match="perplexity is inf after epoch 1: training diverged"):
        evaluator(text, learning_rate=1e-9).fit(network, tmp_path)


def test_settings_are_checked_and_travel_as_json(text):
    first = evaluator(text, averaging="asgd", objective="loss", clip=0.5, alpha=0.0)
    again = LanguageModelling(**json.loads(json.dumps(first.init_args)))
    assert again.init_args == first.init_args
    assert again.clip == 0.5
    for options, message in [
        ({"objective": "accuracy"}, "unknown objective 'accuracy'; choose one of perplexity, loss, bits_per_token"),
        ({"averaging": "ema"}, "unknown averaging 'ema'; choose one of none, asgd, nt-asgd"),
        (
            {"averaging": "nt-asgd"},
            "with patience 5 training stops before the average of nt-asgd begins; use 7 or more",
        ),
    ]:
        with pytest.raises(UserError, match=message):
            evaluator(text, **options)


def test_a_network_too_small_for_the_text_is_named(text, tmp_path):
    known = len(Vocabulary.load(text))
    with pytest.raises(UserError, match=f"the text has {known} tokens, the network 9"):
        evaluator(text).fit(model(9), tmp_path)
