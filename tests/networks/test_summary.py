"""What every space tells of its architectures in a few numbers and words."""

from __future__ import annotations

import numpy as np
import pytest
from space_sizes import SIZES

from nni_nasplus import UserError, registry
from nni_nasplus.search.summary import MOST
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import DartsSpace

LONGEST = 16
"""Letters of a name that has room beside nine others on a screen of 1280 pixels."""
every = pytest.mark.parametrize("name", SIZES)


@every
def test_a_space_tells_the_same_few_things_of_all_its_architectures(name):
    space, rng = registry.load("spaces", name)(**SIZES[name]), np.random.default_rng(0)
    told = [space.summary(space.search_space.sample(rng)) for _ in range(50)]
    assert {tuple(one) for one in told} == {tuple(told[0])}
    assert 0 < len(told[0]) <= MOST
    assert max(map(len, told[0])) <= LONGEST
    assert all(isinstance(value, str | int | float) for one in told for value in one.values())


@every
def test_what_has_a_decisions_name_is_its_choice(name):
    space, rng = registry.load("spaces", name)(**SIZES[name]), np.random.default_rng(1)
    for _ in range(20):
        architecture = space.search_space.sample(rng)
        for entry, value in space.summary(architecture).items():
            if entry in space.search_space.decisions:
                assert value == architecture[entry]


def test_darts_counts_the_operations_of_both_cells():
    space = DartsSpace(**SIZES["darts"])
    told = space.summary(space.parse_genotype("DARTS_V2"))
    assert told.pop("depth") == 3
    assert told == {
        "# max_pool_3x3": 5,
        "# avg_pool_3x3": 0,
        "# skip_connect": 5,
        "# sep_conv_3x3": 5,
        "# sep_conv_5x5": 0,
        "# dil_conv_3x3": 1,
        "# dil_conv_5x5": 0,
    }


def test_events_are_told_of_as_people_speak_of_them():
    space = EventSequenceSpace(**SIZES["events"])
    told = space.summary(space.parse_genotype("01|1|agc1|44,12|00"))
    assert told == {"stem_kernel": "1", "encoder": 1, "ops": "agc", "heads": 4, "decoder": 2, "pooling": "mean"}


def test_an_architecture_of_another_space_is_refused():
    with pytest.raises(UserError, match="unknown decision"):
        DartsSpace(**SIZES["darts"]).summary({"width": 3})
