"""The space of recurrent cells: NNI freezes it, and its genotypes and graph round-trip."""

from __future__ import annotations

import json

from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent import PRESETS, RecurrentCellSpace


def test_nni_can_freeze_the_space_and_its_genotypes_and_graph_round_trip():
    space = RecurrentCellSpace(vocabulary=20, embedding=6, hidden=8, layers=2)
    lstm = space.parse_genotype("lstm")
    assert count_parameters(space.freeze(lstm)) == count_parameters(space.build(lstm))
    assert space.parse_genotype(space.genotype(lstm)) == lstm
    assert space.parse_genotype(json.dumps(PRESETS["lstm"].to_json())) == lstm
    graph = space.graph(lstm)
    assert {"x", "h0", "h1"} <= {graph.nodes[node]["label"] for node in graph}
    assert len(graph) == 16
