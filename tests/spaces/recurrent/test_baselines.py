"""The plain recurrent networks beside the winner."""

from __future__ import annotations

import pytest
import torch

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent import PRESETS, RecurrentCellSpace


def baselines(layers, **rates):
    space = RecurrentCellSpace(vocabulary=50, embedding=24, hidden=40, layers=layers, regularisation=rates)
    winner = space.build(space.search_space.architecture(PRESETS["gru"]))
    return space.baselines(winner), count_parameters(winner)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_baselines_have_as_many_parameters_as_the_winner(layers):
    spaces, wanted = baselines(layers)
    for name, space in spaces.items():
        network = space.build(space.search_space.initial[0])
        assert abs(count_parameters(network) / wanted - 1) < 0.05, name
        assert network.embedding.num_embeddings == 50
        assert network(torch.zeros(2, 3, dtype=torch.long))[0].shape == (2, 3, 50)


def test_what_is_tuned_are_learning_rate_and_the_share_of_dropout():
    space = baselines(1, weight=0.4)[0]["LSTM"]
    half = space.parse_genotype("LSTM learning_rate=0.002 dropout=0.5")
    network = space.build(half)
    assert network.regularisation.weight == 0.2
    assert network.layers[0].weight_drop == 0.2
    assert space.genotype(half) == "LSTM learning_rate=0.002 dropout=0.5"
    assert space.genotype(space.search_space.initial[0]) == "LSTM"
    with pytest.raises(UserError, match=r"'GRU' is no plain LSTM; write 'LSTM dropout=1\.0'"):
        space.parse_genotype("GRU")
