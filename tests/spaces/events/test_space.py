"""The event-sequence space as NNI's: it freezes, travels as JSON, and draws its graph."""

from __future__ import annotations

import nni
import numpy as np
import pytest
import torch
from event_examples import EXAMPLE, SHAPE, SPACES, random_batch
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.space import SimplifiedModelSpace, model_context
from safetensors.torch import load, save
from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.events.decisions import decisions
from nni_nasplus.spaces.events.genotype import parse


def make_space() -> EventSequenceSpace:
    return EventSequenceSpace(**SHAPE.to_json(), hidden=8)


def test_nni_space_is_the_search_space():
    space = make_space()
    assert space.search_space == SPACES[True]
    assert space(random_batch(SHAPE, 2, 5)).shape == (2, 3)
    assert space.genotype(space.parse_genotype(EXAMPLE)) == EXAMPLE
    with pytest.raises(UserError, match="stem_kernel"):
        space.parse_genotype("|1|g||00")


def test_nni_freezes_to_what_build_builds():
    space = make_space()
    architecture = space.parse_genotype(EXAMPLE)
    full = {**{name: choices[-1] for name, choices in decisions(True).items()}, **architecture}
    batch = random_batch(SHAPE, 4, 8)
    built = space.build(architecture).eval()
    with model_context(architecture):
        made = make_space()
    for frozen in (space.freeze(architecture), space.freeze(full), made):
        frozen.net.load_state_dict(built.state_dict())
        assert torch.equal(frozen.eval()(batch), built(batch))


def test_nni_json_rebuilds_the_network():
    space = make_space()
    sample = {name: choices[-1] for name, choices in decisions(True).items()}
    simplified = SimplifiedModelSpace.from_model(space, FunctionalEvaluator(len))
    loaded = nni.load(nni.dump(simplified.freeze(sample)))
    expected = space.build(space.search_space.validate(sample)).state_dict()
    assert {k: v.shape for k, v in loaded.executable_model().net.state_dict().items()} == {
        k: v.shape for k, v in expected.items()
    }


def test_seeded_builds_agree_and_weights_reload():
    space, batch = make_space(), random_batch(SHAPE, 4, 8)

    def build(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return space.build(space.parse_genotype(EXAMPLE)).eval()

    first, again, other = build(0), build(0), build(1)
    assert torch.equal(first(batch), again(batch))
    other.load_state_dict(load(save(first.state_dict())))
    assert torch.equal(first(batch), other(batch))


def test_graph_leads_from_events_to_classes():
    space, rng = make_space(), np.random.default_rng(0)
    for _ in range(50):
        architecture = space.search_space.sample(rng)
        flow = space.graph(architecture)
        sources = {node for node, degree in flow.in_degree() if not degree}
        assert sources == {"events"} | ({"queries"} if architecture["decoder_layers"] else set())
        assert [node for node, degree in flow.out_degree() if not degree] == ["classes"]
        assert all(set(node) == {"label", "kind", "layer"} for _, node in flow.nodes(data=True))
    labels = [label for _, label in space.graph(parse(EXAMPLE)).nodes(data="label")]
    assert {"attention, 1 head", "GRU", "convolution of 3", "cross-attention, 4 heads"} <= set(labels)
