"""Hyperparameters beside an architecture: written, read, held, and taken by the evaluator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.networks.hyperparameters import tuned
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification

RECOMMENDED = EventSequenceSpace.recommended()


@given(st.integers(0, 10_000), st.sampled_from([0, 3]))
def test_a_genotype_with_hyperparameters_is_read_as_it_was_written(seed, n_numeric):
    space = EventSequenceSpace(n_numeric=n_numeric, **RECOMMENDED)
    architecture = space.search_space.sample(np.random.default_rng(seed))
    assert space.parse_genotype(space.genotype(architecture)) == architecture


def test_a_genotype_that_names_no_hyperparameter_has_the_first_of_each():
    space = EventSequenceSpace(**RECOMMENDED)
    read = space.parse_genotype("01|1|gc,gc||03")
    assert {name: read[name] for name in space.hyperparameters} == {
        name: choices[0] for name, choices in RECOMMENDED["hyperparameters"].items()
    }
    assert space.genotype(read) == "01|1|gc,gc||03"
    assert space.genotype({**read, "width": 0}) == "01|1|gc,gc||03 width=0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("01|1|gc,gc||03 width=5", "width is '5'; allowed: 64, 0, 128"),
        ("01|1|gc,gc||03 depth=5", "'depth=5' is no hyperparameter of the space; its hyperparameters: learning_rate"),
    ],
)
def test_what_is_no_choice_is_named(text, message):
    with pytest.raises(UserError, match=message):
        EventSequenceSpace(**RECOMMENDED).parse_genotype(text)


def test_what_is_held_has_one_choice_and_leaves_out_what_depends_on_others():
    space = SearchSpace(
        {"op": ["conv", "attention"], "heads": [1, 2], "rate": [0.1, 0.2]}, {"heads": {"op": ["attention"]}}
    )
    held = space.held({"op": "conv", "rate": 0.2})
    assert list(held) == [{"op": "conv", "rate": 0.2}]
    assert list(held.decisions) == ["op", "rate"]
    with pytest.raises(UserError, match="unknown decision 'depth'"):
        space.held({"depth": 1})


def test_a_space_whose_hyperparameters_are_held_has_its_published_size():
    hyperparameters = {name: choices[:1] for name, choices in RECOMMENDED["hyperparameters"].items()}
    assert EventSequenceSpace(hyperparameters=hyperparameters).search_space.size == 3_425_438_016


def test_the_initial_architectures_travel_with_the_space():
    space = EventSequenceSpace(**RECOMMENDED, fixed={"pooling": "mean"}).search_space
    again = SearchSpace.from_json(space.to_json())
    assert again.initial == space.initial
    assert {one["pooling"] for one in again.initial} == {"mean"}


def test_a_hyperparameter_is_not_called_like_a_decision():
    with pytest.raises(UserError, match="hyperparameter 'op' has the name of a decision"):
        tuned(SearchSpace({"op": ["a"]}), {"op": [1]})


def test_the_evaluator_takes_what_it_knows(tmp_path):
    evaluator = EventClassification(str(tmp_path), learning_rate=0.1)
    chosen = evaluator.tuned({"learning_rate": 0.5, "class_weights": "balanced", "width": 64})
    assert (chosen.learning_rate, chosen.class_weights) == (0.5, "balanced")
    assert evaluator.tuned({"op": "gc"}) == evaluator


def test_the_width_is_that_of_the_stream():
    space = EventSequenceSpace(**RECOMMENDED)
    for width in (64, 128):
        network = space.build(space.parse_genotype(f"01|1|g||03 width={width}"))
        assert network.stem.width == network.head.classify.in_features == width
