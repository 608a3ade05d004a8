"""Many architectures at a time are those that one at a time would be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nni_nasplus import SearchSpace, registry
from nni_nasplus.search.drawn import AtOnce, OneByOne, drawing_of
from nni_nasplus.search.table_space import TableSpace

NESTED = SearchSpace(
    {"a": [1, 2, 3], "b": ["x", "y"], "c": [True, False], "d": [0.1], "e": list("pqrs"), "f": [1, 2]},
    {"b": {"a": [2, 3]}, "c": {"b": ["y"]}, "e": {"a": [1, 3], "b": ["x"]}, "f": {"e": ["p", "q"]}},
)
seeds = st.integers(0, 2**32)


def both(seed):
    return [(kind(NESTED), np.random.default_rng(seed)) for kind in (OneByOne, AtOnce)]


@given(seeds, st.integers(0, 20))
def test_samples_and_the_generator_after_them_are_the_same(seed, count):
    (one, first), (all_, second) = both(seed)
    assert list(all_.samples(count, second)) == list(one.samples(count, first))
    assert first.random() == second.random()


@given(seeds, st.integers(0, 5))
def test_neighbours_and_the_generator_after_them_are_the_same(seed, count):
    (one, first), (all_, second) = both(seed)
    centres = [NESTED.sample(first) for _ in range(count)]
    second.random((count, len(NESTED.decisions)))
    assert list(all_.neighbours(centres, second)) == list(one.neighbours(centres, first))
    assert first.random() == second.random()


@given(seeds)
def test_features_are_those_of_dictionaries_to_the_last_bit(seed):
    some = AtOnce(NESTED).samples(12, np.random.default_rng(seed))
    np.testing.assert_array_equal(NESTED.features(some), NESTED.features(list(some)))
    np.testing.assert_array_equal(NESTED.features(some[3:5]), NESTED.features(some)[3:5])


def test_tokens_are_equal_for_equal_architectures_only():
    everything = list(NESTED)
    tokens = AtOnce(NESTED).tokens(everything)
    assert len(set(tokens)) == len(everything) == NESTED.size
    assert AtOnce(NESTED).tokens(everything) == tokens
    assert AtOnce(NESTED).tokens([]) == []


def test_what_was_packed_is_read_again_chosen_and_joined():
    drawing, everything = AtOnce(NESTED), list(NESTED)
    packed = drawing.packed(everything)
    assert (list(packed), packed[-1]) == (everything, everything[-1])
    chosen = drawing.chosen(everything, [4, 0])
    assert list(drawing.joined(chosen, everything[1:2])) == [everything[4], everything[0], everything[1]]
    with pytest.raises(IndexError):
        packed[len(everything)]


def test_a_space_with_ways_of_its_own_is_asked_one_by_one():
    table = TableSpace(NESTED, list(NESTED)[:5])
    recipes = registry.load("spaces", "rnn")().search_space
    assert [type(drawing_of(space)) for space in (NESTED, table, recipes)] == [AtOnce, OneByOne, OneByOne]
