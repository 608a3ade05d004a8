"""Supernets of event sequences: what they derive, what is fixed, and what they cannot be."""

from __future__ import annotations

import re

import pytest
from event_examples import SHAPE, random_batch
from supernets import EVENTS, events, random_weights

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.spaces.events import EventSequenceSpace, EventSupernet
from nni_nasplus.spaces.events.decisions import conditions, decisions
from nni_nasplus.spaces.events.genotype import parse


def test_what_the_events_derive_is_in_the_space():
    supernet = events(heads=4)
    seen = set()
    for seed in range(20):
        architecture = supernet.derive(random_weights(supernet, seed))
        canonical = SearchSpace(decisions(True), conditions()).validate(architecture)
        assert list(canonical.items()) == list(architecture.items())
        assert architecture["decoder_1_self_heads"] == EVENTS["decoder_1_self_heads"]
        assert all(n == 4 for name, n in architecture.items() if name in ("encoder_1_heads", "encoder_2_heads"))
        seen.add(architecture["encoder_1_op"])
    assert len(seen) > 3


def test_events_without_an_encoder_have_no_supernet():
    with pytest.raises(UserError, match="encoder_layers is 0; give the supernet 1, 2 or 4"):
        EventSupernet(SHAPE, parse("01|1||44|00"))


def test_a_space_of_events_gives_its_supernet():
    space = EventSequenceSpace(**SHAPE.to_json(), hidden=8, dropout=0.2)
    supernet = space.supernet()
    assert supernet.fixed == {
        "stem_kernel": "1",
        "stem_dropout": 0,
        "temporal_encoding": 1,
        "encoder_layers": 4,
        "decoder_layers": 0,
        "temporal_dropout": 0,
        "pooling": "mean",
    }
    assert supernet(random_batch(SHAPE, 3, 7)).shape == (3, 3)
    chosen = {"encoder_layers": 2, "decoder_layers": 1, "decoder_1_cross_heads": 4, "pooling": "max"}
    architecture = space.supernet(heads=8, **chosen).derive()
    assert space.search_space.validate(architecture) == architecture
    assert {**architecture, **chosen} == architecture
    assert {n for name, n in architecture.items() if name in ("encoder_1_heads", "encoder_2_heads")} <= {8}


def test_a_space_of_events_without_numbers_has_no_stem_to_fix():
    space = EventSequenceSpace((5,), 0, 2, 9)
    supernet = space.supernet()
    assert not any(name.startswith("stem") for name in supernet.fixed)
    assert space.build(supernet.derive())(random_batch(space.shape, 3, 7)).shape == (3, 2)
    with pytest.raises(UserError, match="unknown decision 'stem_kernel'"):
        space.supernet(stem_kernel="3")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 3}, "heads is 3; use 1, 2, 4 or 8"),
        ({"encoder_layers": 0}, "encoder_layers is 0; give the supernet 1, 2 or 4"),
        (
            {"encoder_1_op": "c"},
            "'encoder_1_op' is of one layer, whose op is searched; leave it out, or give heads for all layers",
        ),
        ({"pooling": "sum"}, "decision 'pooling' cannot be 'sum'; allowed: mean, max, mixed"),
    ],
)
def test_what_a_supernet_of_events_cannot_be_is_named(options, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        EventSequenceSpace().supernet(**options)
