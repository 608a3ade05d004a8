"""The plain recurrent networks beside the winner."""

from __future__ import annotations

import pytest

from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent import PRESETS, RecurrentCellSpace


@pytest.mark.parametrize("layers", [1, 3])
def test_the_baselines_have_as_many_parameters_as_the_winner(layers):
    space = RecurrentCellSpace(vocabulary=50, embedding=24, hidden=40, layers=layers)
    winner = space.build(space.search_space.architecture(PRESETS["gru"]))
    wanted = count_parameters(winner)
    for name, network in space.baselines(winner).items():
        assert abs(count_parameters(network) / wanted - 1) < 0.05, name
        assert network.embedding.num_embeddings == 50
