"""The plain recurrent networks beside the winner."""

from __future__ import annotations

import pytest
import torch
from torch import nn

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
    networks = space.baselines(nn.Linear(1, 1))
    assert {name: type(network.recurrent) for name, network in networks.items()} == {"GRU": nn.GRU, "LSTM": nn.LSTM}
    assert [network(space.example()).shape for network in networks.values()] == [(1, 5)] * 2
