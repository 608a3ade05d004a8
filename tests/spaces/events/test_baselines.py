"""The plain recurrent networks beside the winner."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.events.baselines import RecurrentBaseline


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_baselines_ignore_padding(cache, cell):
    network = RecurrentBaseline(EventDataModule(cache).shape, cell).double().eval()
    batch = next(iter(EventDataModule(cache).val_dataloader()))
    batch = batch._replace(numeric=batch.numeric.double(), gap=batch.gap.double())
    spoilt = batch._replace(
        numeric=batch.numeric.masked_fill(~batch.mask.unsqueeze(-1), float("nan")),
        categorical=batch.categorical.masked_fill(~batch.mask.unsqueeze(-1), 10**6),
    )
    torch.testing.assert_close(network(batch), network(spoilt))


def test_a_gru_and_an_lstm_take_the_events_of_the_space():
    space = EventSequenceSpace(n_classes=5)
    spaces = space.baselines(nn.Linear(1, 1))
    for name, kind in {"GRU": nn.GRU, "LSTM": nn.LSTM}.items():
        for architecture in list(spaces[name].search_space)[::7]:
            network = spaces[name].build(architecture)
            assert type(network.recurrent) is kind
            assert network(space.example()).shape == (1, 5)


def test_the_notation_of_a_baseline_names_what_is_not_tried_first():
    space = EventSequenceSpace().baselines(nn.Linear(1, 1))["GRU"]
    first, *_, last = space.search_space
    assert space.search_space.initial == [first]
    assert space.genotype(first) == "GRU"
    assert space.genotype(last) == "GRU hidden=256 pooling=max learning_rate=0.001"
    assert space.parse_genotype("GRU hidden=256 pooling=max learning_rate=0.001") == last
    with pytest.raises(UserError, match="'LSTM' is no plain GRU"):
        space.parse_genotype("LSTM")
