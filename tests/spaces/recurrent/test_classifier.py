"""Recurrent classifiers of texts: padding never matters, the mean is over the tokens, and they learn."""

from __future__ import annotations

import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recurrent_classifiers import C, E, V, classifier, padded, texts_of
from torch.utils.data import DataLoader

from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent.cells import CELLS
from nni_nasplus.spaces.recurrent.regularisation import Regularisation
from nni_nasplus.training.supervised.criteria import CrossEntropy
from nni_nasplus.training.supervised.module import Supervised

cases = settings(max_examples=60, deadline=None, database=None)


@cases
@given(
    st.sampled_from(CELLS),
    st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any),
    st.integers(0, 5),
    st.data(),
)
def test_padding_never_changes_a_logit(cell, lengths, extra, data):
    torch.manual_seed(data.draw(st.integers(0, 10**6)))
    network, texts = classifier(cell).double(), texts_of(lengths)
    logits = network(padded(texts))
    assert logits.shape == (len(lengths), C)
    torch.testing.assert_close(network(padded(texts, extra, filler=-(10**9))), logits)


@pytest.mark.parametrize("cell", CELLS)
def test_a_text_gets_the_logits_of_its_mean_output(cell):
    torch.manual_seed(0)
    network, texts = classifier(cell).double(), texts_of([5, 1, 8])
    expected = []
    for text in texts:
        values = network.embedding(text.unsqueeze(1))
        for layer in network.layers:
            values, _ = layer(values)
        expected.append(values.squeeze(1).mean(0) @ network.head.weight.T + network.head.bias)
    torch.testing.assert_close(network(padded(texts)), torch.stack(expected))


def test_a_text_without_tokens_gets_the_bias():
    network = classifier("lstm")
    torch.testing.assert_close(network(padded(texts_of([0, 3])))[0], network.head.bias)


def test_parameters():
    assert count_parameters(classifier("lstm", layers=1)) == V * E + (4 * 2 * E * E + 4 * E) + C * (E + 1)


def test_dropout_is_for_training():
    network, batch = classifier("gru", regularisation=Regularisation()), padded(texts_of([5, 8]))
    assert not torch.equal(network.train()(batch), network(batch))
    assert torch.equal(network.eval()(batch), network(batch))


def test_it_learns_a_task_that_needs_a_memory():
    """The class is the first token, whatever follows."""
    torch.manual_seed(0)
    texts = texts_of(torch.randint(2, 9, (600,)).tolist())
    batches = []
    for start in range(0, 600, 60):
        batch = padded(texts[start : start + 60])
        batches.append(batch._replace(label=batch.tokens[0] % C))
    train, val = batches[:8], batches[8:]
    task = Supervised(classifier("lstm_sigmoid", layers=1), CrossEntropy(torch.ones(C)), learning_rate=0.05)
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(max_epochs=12, accelerator="cpu", enable_model_summary=False, **options)
    trainer.fit(task, DataLoader(train, batch_size=None), DataLoader(val, batch_size=None))
    assert trainer.callback_metrics["val_accuracy"] > 0.95
