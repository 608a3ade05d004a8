"""Published spaces with hyperparameters beside: their names and counts, and what their supernets derive."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space
from nni_nasplus.spaces.images.operations import DropPath
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, EnasRecurrentSpace
from nni_nasplus.training.images import ImageClassification

SIZES = {
    "darts": {"channels": 2, "layers": 3, "size": 8},
    "nb201": {"channels": 2, "cells": 1, "size": 8},
    "darts-rnn": {"vocabulary": 11, "hidden": 5},
    "enas-rnn": {"vocabulary": 11, "hidden": 5},
}
KINDS = {
    "darts": DartsSpace,
    "nb201": NasBench201Space,
    "darts-rnn": DartsRecurrentSpace,
    "enas-rnn": EnasRecurrentSpace,
}
COUNTS = {
    "darts": 1_037_664_180**2,
    "nb201": 15_625,
    "darts-rnn": 2_642_411_520,
    "enas-rnn": 4**12 * math.factorial(11),
}
every = pytest.mark.parametrize("name", KINDS)


def tuned(name, **options):
    return KINDS[name](**SIZES[name], **KINDS[name].recommended(0.05), **options)


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 10_000))
def test_a_genotype_with_hyperparameters_is_read_as_it_was_written(name, seed):
    space = tuned(name)
    architecture = space.search_space.sample(np.random.default_rng(seed))
    assert space.parse_genotype(space.genotype(architecture)) == architecture


@every
def test_held_hyperparameters_leave_the_published_counts_and_names(name):
    plain, space = KINDS[name](**SIZES[name]), tuned(name)
    held = tuned(name, fixed=space._first)
    assert plain.search_space.size == held.search_space.size == COUNTS[name]
    assert space.search_space.size > COUNTS[name]
    architecture = plain.search_space.sample(np.random.default_rng(0))
    for other in (held, space):
        assert other.genotype({**architecture, **space._first}) == plain.genotype(architecture)
        assert other.parse_genotype(plain.genotype(architecture)) == {**architecture, **space._first}


def test_published_cells_are_read_by_name_and_have_the_first_hyperparameters():
    space = tuned("darts")
    read = space.parse_genotype("DARTS_V2")
    assert (read["learning_rate"], read["drop_path"]) == (0.05, 0.0)
    plain = DartsSpace(**SIZES["darts"])
    assert space.genotype(read) == plain.genotype(plain.parse_genotype("DARTS_V2"))
    assert space.parse_genotype("DARTS_V2 learning_rate=0.1 drop_path=0.2") == {
        **read,
        "learning_rate": 0.1,
        "drop_path": 0.2,
    }


def test_cells_as_darts_prints_them_may_end_in_a_name_with_a_value():
    with pytest.raises(UserError, match="is no genotype"):
        tuned("darts").parse_genotype("Genotype(normal=[()], normal_concat=[2], reduce=[], reduce_concat=[])")


def test_drop_path_is_the_networks_and_the_rates_are_the_evaluators(tmp_path):
    space = tuned("darts")
    architecture = space.parse_genotype("DARTS_V2 drop_path=0.2 learning_rate=0.1 weight_decay=0.001")
    paths = [module for module in space.build(architecture).modules() if isinstance(module, DropPath)]
    assert {path.maximum for path in paths} == {0.2}
    chosen = ImageClassification(str(tmp_path)).tuned(architecture)
    assert (chosen.learning_rate, chosen.weight_decay) == (0.1, 0.001)


@pytest.mark.parametrize("name", ["darts", "nb201"])
def test_what_a_supernet_derives_is_in_the_space(name):
    space = tuned(name)
    found = space.supernet().derive()
    assert space.search_space.validate(found) == found
    assert {key: found[key] for key in space.hyperparameters} == space._first


@every
def test_the_hyperparameters_change_no_weights(name):
    plain, space = KINDS[name](**SIZES[name]), tuned(name)
    architecture = plain.search_space.sample(np.random.default_rng(1))
    networks = []
    for one, chosen in ((plain, architecture), (space, {**architecture, **space._first})):
        torch.manual_seed(0)
        networks.append(one.build(chosen).state_dict())
    assert all(torch.equal(value, networks[1][key]) for key, value in networks[0].items())


@every
def test_a_space_with_hyperparameters_travels_as_json(name):
    space = tuned(name).search_space
    assert SearchSpace.from_json(space.to_json()) == space


def test_what_is_held_and_is_none_is_named():
    with pytest.raises(UserError, match="unknown decision 'depth'"):
        tuned("nb201", fixed={"depth": 3})
    with pytest.raises(UserError, match="drop_path is 1; use 0 or more, below 1"):
        DartsSpace(**SIZES["darts"], hyperparameters={"drop_path": [0.1, 1]})


def test_the_share_of_dropout_is_that_of_every_rate():
    space = tuned("darts-rnn", regularisation={"weight": 0.4, "input": 0.2})
    network = space.build(space.parse_genotype("DARTS_V2 dropout=0.5"))
    assert (network.regularisation.weight, network.regularisation.input) == (0.2, 0.1)
    assert network.layers[0].weight_drop == 0.2
    assert space.build(space.parse_genotype("DARTS_V2")).regularisation == space.regularisation
    with pytest.raises(UserError, match="dropout is 2; use 0 to 1, the share of the rates"):
        DartsRecurrentSpace(**SIZES["darts-rnn"], hyperparameters={"dropout": [2]})
