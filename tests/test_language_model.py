"""Language models: dropout and its gradients, the measures of a text, carried states, exact resumption."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.data.text import TextBatches, TextDataModule, Vocabulary, prepare_text
from nni_nasplus.errors import TrialFailed
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent import PRESETS, RecurrentCell, RecurrentCellSpace, RecurrentLanguageModel
from nni_nasplus.spaces.recurrent.regularisation import Regularisation
from nni_nasplus.training.averaging import WeightAverage
from nni_nasplus.training.language import LanguageModel, LanguageModelling
from nni_nasplus.training.language_model import activation_penalty

STRONG = Regularisation(embedding=0.3, input=0.5, hidden=0.5, output=0.5, weight=0.5)
LIGHT = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu", "num_sanity_val_steps": 0}


class Memoryless(nn.Module):
    """A layer that sees one token at a time."""

    def forward(self, x, states=None):
        return x, ()


def model(vocabulary=20, width=6, regularisation=None, layers=2, recipe="lstm"):
    torch.manual_seed(0)
    drop = 0.0 if regularisation is None else regularisation.weight
    cells = [RecurrentCell(PRESETS[recipe], width, width, drop) for _ in range(layers)]
    return RecurrentLanguageModel(vocabulary, width, cells, regularisation)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Words that mostly follow in a circle of twelve, in a cache."""
    rng = np.random.default_rng(0)
    steps = rng.choice([1, 2], 3000, p=[0.9, 0.1]).cumsum() % 12
    words = [f"w{step}" for step in steps]
    folder = tmp_path_factory.mktemp("text")
    (folder / "text.txt").write_text("\n".join(" ".join(words[i : i + 25]) for i in range(0, 3000, 25)) + "\n")
    return prepare_text(folder / "text.txt", out=folder / "cache", progress=False)


def validated(network, text, bptt=70, columns=10):
    """The measures of the validation text."""
    trainer = pl.Trainer(logger=False, enable_checkpointing=False, **LIGHT)
    batches = TextBatches(TextDataModule(text).ids["val"], columns, bptt)
    (metrics,) = trainer.validate(LanguageModel(network), batches, verbose=False)
    return metrics


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


def test_rates_of_dropout_are_checked():
    assert Regularisation.of({"weight": 0}) == Regularisation(weight=0.0)
    for rates, message in [
        ({"weights": 0.1}, "there is no weights dropout; the rates are embedding, input, hidden, output, weight"),
        ({"input": 1}, "the input dropout is 1.0; use 0 or more and less than 1"),
        ({"input": "much"}, "the rates of dropout are {'input': 'much'}; use numbers"),
    ]:
        with pytest.raises(UserError, match=message):
            Regularisation.of(rates)


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
    assert {"perplexity", "loss", "bits_per_token", "seconds", "parameters", "flops"} == set(metrics)
    assert 1 < metrics["perplexity"] < 20


class Saves(pl.Callback):
    """Saves a checkpoint after a batch, or after the validation or at the end of an epoch."""

    def __init__(self, path, hook, after):
        self.path, self.hook, self.after = path, hook, after

    def on_train_batch_end(self, trainer, module, *_):
        self._save(trainer, "batch", trainer.global_step)

    def on_validation_end(self, trainer, module):
        self._save(trainer, "validation", trainer.current_epoch + 1)

    def on_train_epoch_end(self, trainer, module):
        self._save(trainer, "epoch", trainer.current_epoch + 1)

    def _save(self, trainer, hook, count):
        if hook == self.hook and count == self.after:
            trainer.save_checkpoint(self.path)


def trained(text, callbacks, checkpoint=None, **options):
    """A regularised network after three epochs."""
    network = model(16, 6, STRONG)
    task = LanguageModel(network, bptt=20, learning_rate=0.02, **options)
    trainer = pl.Trainer(max_epochs=3, logger=False, enable_checkpointing=False, callbacks=callbacks, **LIGHT)
    torch.manual_seed(3)
    if checkpoint:
        torch.rand(5)
    trainer.fit(task, datamodule=TextDataModule(text, 16, 20), ckpt_path=checkpoint)
    return trainer.global_step, network


BATCHES = 8
"""Of an epoch."""


@pytest.mark.parametrize("averaging", ["none", "asgd"])
@pytest.mark.parametrize(
    ("hook", "after"),
    [("batch", 3), ("batch", BATCHES), ("batch", BATCHES + 5), ("validation", 1), ("validation", 2), ("epoch", 2)],
)
def test_training_goes_on_from_any_batch_as_if_nothing_had_happened(text, tmp_path, hook, after, averaging):
    path = tmp_path / "interrupted.ckpt"
    steps, expected = trained(text, [Saves(path, hook, after)], averaging=averaging)
    assert len(TextDataModule(text, 16, 20).train_dataloader()) == BATCHES
    found_steps, found = trained(text, [], path, averaging=averaging)
    assert found_steps == steps == 3 * BATCHES
    for name, weight in expected.state_dict().items():
        assert torch.equal(found.state_dict()[name], weight), name


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


def test_the_average_is_the_mean_of_the_weights_after_each_step(text, tmp_path):
    seen = []

    class Watched(LanguageModel):
        def on_train_batch_end(self, *args):
            super().on_train_batch_end(*args)
            seen.append([p.detach().clone() for p in self.network.parameters()])

    class Watching(LanguageModelling):
        def task(self, network):
            return Watched(network, learning_rate=0.02, bptt=20, averaging="asgd")

    network = model(16)
    curve = Notes()
    metrics = Watching(str(text), epochs=2, batch_size=8, bptt=20).fit(network, tmp_path, curve)
    for found, *weights in zip(network.parameters(), *seen, strict=True):
        torch.testing.assert_close(found.detach(), torch.stack(weights).mean(0), rtol=1e-4, atol=1e-5)
    assert metrics["loss"] == pytest.approx(curve.seen[-1]["loss"], rel=1e-5), "validation saw the mean"


class Notes:
    output = None

    def __init__(self):
        self.seen = []

    def intermediate(self, metrics):
        self.seen.append(metrics)

    def final(self, metrics):
        pass


def test_early_stopping_goes_back_to_the_mean_of_the_best_epoch(text, tmp_path):
    class Worsening(LanguageModel):
        def on_train_epoch_start(self):
            if self.current_epoch == 1:
                self.learning_rate = 3.0

    class Worse(LanguageModelling):
        def task(self, network):
            return Worsening(network, learning_rate=0.02, bptt=20, averaging="asgd")

    notes = Notes()
    metrics = Worse(str(text), epochs=9, patience=2, batch_size=8, bptt=20).fit(model(16), tmp_path, notes)
    losses = [epoch["loss"] for epoch in notes.seen]
    assert losses[0] == min(losses)
    assert len(losses) == 3
    assert metrics["loss"] == pytest.approx(losses[0], rel=1e-5)


def test_the_average_begins_when_the_loss_is_worse_than_before_the_last_five_checks():
    network = nn.Linear(1, 1)
    average = WeightAverage(network, "nt-asgd")

    for loss in (5.0, 4.0, 4.5, 4.4, 4.3, 4.2, 4.1):
        average.check(loss)
        assert average.count is None, "4.0 is one of the last five"
    average.check(4.05)
    assert average.count == 0
    weight = network.weight.item()
    average.swap()
    assert network.weight.item() == weight, "there is nothing to average yet"
    for value in (1.0, 2.0):
        nn.init.constant_(network.weight, value)
        average.update()
    average.swap()
    assert network.weight.item() == 1.5
    average.swap()
    assert network.weight.item() == 2.0


def test_settings_are_checked_and_travel_as_json(text):
    first = evaluator(text, averaging="asgd", objective="loss", clip=0.5, alpha=0.0)
    again = LanguageModelling(**json.loads(json.dumps(first.init_args)))
    assert again.init_args == first.init_args
    assert again.gradient_clip == 0.5
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
