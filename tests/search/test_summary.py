"""Architectures in a few numbers and words."""

from __future__ import annotations

from nni_nasplus import SearchSpace
from nni_nasplus.search.summary import MOST, NOT_THERE, rounded_count, size_in_words, summarised

OPS = ["conv", "pool", "none"]
CELL = SearchSpace(
    {
        "width": [8, 16],
        "op1": OPS,
        "op2": OPS,
        "layer_1_heads": [1, 2, 4],
        "layer_2_heads": [1, 2, 4],
        "fixed": ["only"],
    },
    {"op2": {"op1": ["conv"]}, "layer_2_heads": {"width": [16]}},
)


def test_words_are_counted_numbers_summed_and_single_decisions_named():
    told = summarised(CELL, {"width": 16, "op1": "conv", "op2": "pool", "layer_1_heads": 4, "layer_2_heads": 2})
    assert told == {"# conv": 1, "# pool": 1, "# none": 0, "total layer heads": 6, "width": 16}


def test_what_is_not_active_counts_for_nothing():
    told = summarised(CELL, {"width": 8, "op1": "none", "layer_1_heads": 2})
    assert told == {"# conv": 0, "# pool": 0, "# none": 1, "total layer heads": 2, "width": 8}
    lone = SearchSpace({"a": [0, 1], "b": ["x", "y"]}, {"b": {"a": [1]}})
    assert summarised(lone, {"a": 0}) == {"a": 0, "b": NOT_THERE}


def test_a_word_that_two_groups_offer_is_counted_in_both():
    space = SearchSpace({"a1": ["x", "y"], "a2": ["x", "y"], "b1": ["x", "z"], "b2": ["x", "z"]})
    assert summarised(space, dict.fromkeys(space.decisions, "x")) == {"# x": 4, "# y": 0, "# z": 0}


def test_what_tells_of_most_decisions_is_kept():
    space = SearchSpace({f"d{i}": list(range(i + 2)) for i in range(20)} | {f"op{i}": OPS for i in range(3)})
    told = summarised(space, {name: choices[0] for name, choices in space.decisions.items()})
    assert len(told) == MOST
    assert list(told)[:3] == ["# conv", "# pool", "# none"]


def test_only_what_is_asked_for_is_told():
    assert summarised(CELL, {"width": 8, "op1": "none", "layer_1_heads": 2}, of=["width"]) == {"width": 8}


def test_the_size_of_a_space_is_said_as_far_as_it_is_known():
    assert size_in_words(SearchSpace({"a": [1, 2], "b": [1, 2, 3]})) == "6 architectures of 2 decisions"


def test_counts_beyond_reading_are_written_by_their_power_of_ten():
    assert rounded_count(10**18 - 1) == "999,999,999,999,999,999"
    assert rounded_count(106_228_692_794_061_193_783) == "1.1 × 10²⁰"
    assert rounded_count(999_999, 1_000_000) == "999,999"
    assert rounded_count(1_040_000, 1_000_000) == "1.0 × 10⁶"
