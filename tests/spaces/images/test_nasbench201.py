"""The NAS-Bench-201 space: published counts, notation and tables, and that its networks are those of the paper."""

from __future__ import annotations

import nni
import numpy as np
import optuna
import pytest
import torch
from events_data import data_path
from hypothesis import given, settings
from hypothesis import strategies as st
from image_networks import copy_in_order_of_use, randomise
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.hub.pytorch import NasBench201 as NniNasBench201
from nni.nas.space import SimplifiedModelSpace, model_context
from nni.nas.strategy import Random, RegularizedEvolution

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.hosts.optuna import suggest
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.images import ChainMacro, NasBench201Space
from nni_nasplus.spaces.images.chain import CellChain
from nni_nasplus.spaces.images.nasbench201_cell import EDGES, OPERATIONS, DenseCell

EXAMPLE = "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|"
FORM = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
SPACE = NasBench201Space()
_NASLIB = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
cases = settings(max_examples=50, deadline=None, database=None)


@pytest.fixture(scope="module")
def space() -> NasBench201Space:
    return NasBench201Space(channels=2, cells=1, classes=3, size=8)


def published_size(codes: np.ndarray) -> int:
    """Parameters of the network of a row of the table."""
    with torch.device("meta"):
        return count_parameters(SPACE.build(SPACE.parse_genotype(FORM.format(*(OPERATIONS[code] for code in codes)))))


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("none", 73_306),
        ("skip_connect", 73_306),
        ("avg_pool_3x3", 73_306),
        ("nor_conv_1x1", 241_306),
        ("nor_conv_3x3", 1_531_546),
    ],
)
def test_parameters_are_the_published_ones(operation, parameters):
    assert published_size(np.full(6, OPERATIONS.index(operation))) == parameters


def test_the_number_of_cells_and_their_order(space):
    assert space.search_space.size == 15_625
    assert EDGES == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    assert SearchSpace.from_nni(space) == space.search_space


def test_the_table_says_the_same_sizes():
    table = np.load(data_path("nas/nb201_200ep.npz"), allow_pickle=False)
    assert tuple(table["ops"]) == OPERATIONS
    rows = np.random.default_rng(0).choice(len(table["arch"]), 40, replace=False)
    ours = [published_size(table["arch"][row]) / 1e6 for row in rows]
    assert ours == pytest.approx(table["model_size_cifar10"][rows], abs=1e-6)


def test_the_table_of_proxies_says_the_same_sizes():
    table = np.load(data_path("nas/nb201_zc725.npz"), allow_pickle=False)
    order_of_naslib = [OPERATIONS.index(name) for name in _NASLIB]
    parameters = list(table["cifar10|proxies"]).index("params")
    for text, score in list(zip(table["cifar10|arch"], table["cifar10|score"], strict=True))[:40]:
        codes = np.array([order_of_naslib[int(code)] for code in text.strip("()").split(",")])
        assert published_size(codes[[0, 1, 3, 2, 4, 5]]) / 1e6 == pytest.approx(score[parameters], abs=1e-6)


@cases
@given(st.lists(st.sampled_from(OPERATIONS), min_size=6, max_size=6))
def test_the_published_notation_goes_in_and_out(operations):
    text = FORM.format(*operations)
    space = NasBench201Space(channels=1, cells=1, size=2)
    architecture = space.parse_genotype(text)
    assert space.genotype(architecture) == text
    assert [architecture[f"op_{source}_{target}"] for source, target in EDGES] == operations


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no genotype; write it as |op~0|+|op~0|op~1|+|op~0|op~1|op~2|"),
        (EXAMPLE.rpartition("+")[0], "is no genotype; write it as"),
        (EXAMPLE.replace("~2", "~1"), "is no genotype; write it as"),
        (EXAMPLE.replace("skip_connect", "identity"), "'op_1_2' cannot be 'identity'; allowed: none, skip_connect"),
    ],
)
def test_a_bad_genotype_is_told_in_one_line(space, text, message):
    with pytest.raises(UserError, match=r"^[^\n]+$") as raised:
        space.parse_genotype(text)
    assert message in str(raised.value)


@cases
@given(st.text(alphabet="nor_conv3x|~+012 skip", max_size=40))
def test_any_text_is_a_genotype_or_a_named_error(text):
    space = NasBench201Space(channels=1, cells=1, size=2)
    try:
        assert space.search_space.validate(space.parse_genotype(text))
    except UserError:
        return


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"cells": 0}, "cells is 0"),
        ({"classes": 0}, "classes is 0"),
        ({"in_channels": 0}, "in_channels is 0"),
        ({"size": 0}, "size is 0"),
    ],
)
def test_sizes_that_cannot_be_are_named(sizes, message):
    with pytest.raises(UserError, match=message):
        NasBench201Space(**sizes)


def test_without_a_stem_the_images_have_the_cells_channels():
    with pytest.raises(UserError, match="in_channels is 3; without a stem it must be channels, 2"):
        ChainMacro(channels=2, stem=False)


@pytest.mark.parametrize(
    "sizes", [{"size": 1}, {"size": 7, "in_channels": 1}, {"size": 28, "in_channels": 1}, {"channels": 1}]
)
def test_any_size_can_be_built_and_trained(sizes):
    space = NasBench201Space(**{"channels": 2, "cells": 1, "classes": 4, "size": 8, **sizes})
    network = space.build(space.parse_genotype(EXAMPLE))
    logits = network(space.example().expand(3, -1, -1, -1) + torch.randn(3, 1, 1, 1))
    assert logits.shape == (3, 4)
    logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_a_cell_is_the_sum_over_its_paths():
    skips = DenseCell(("skip_connect",) * 6, 2)
    image = torch.randn(1, 2, 4, 4)
    torch.testing.assert_close(skips(image), 4 * image)
    one_path = DenseCell(("skip_connect", "none", "skip_connect", "none", "none", "skip_connect"), 2)
    assert torch.equal(one_path(image), image)


@pytest.mark.parametrize("seed", range(4))
def test_networks_equal_nnis_with_the_same_weights(seed):
    space = NasBench201Space(channels=4, cells=2)
    architecture = space.search_space.sample(np.random.default_rng(seed))
    names = {f"cell/{s}_{t}": architecture[f"op_{s}_{t}"].removeprefix("nor_") for s, t in EDGES}
    with model_context(names):
        theirs = NniNasBench201(4, 2).double().eval()
    ours = space.build(architecture).double().eval()
    randomise(theirs, seed)
    copy_in_order_of_use(theirs, ours, torch.zeros(1, 3, 16, 16, dtype=torch.double))
    images = torch.randn(3, 3, 16, 16, dtype=torch.double)
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-10, atol=1e-10)


def test_nni_freezes_to_what_build_builds(space):
    architecture, images = space.parse_genotype(EXAMPLE), torch.randn(2, 3, 8, 8)
    built = space.build(architecture).eval()
    with model_context(architecture):
        made = NasBench201Space(channels=2, cells=1, classes=3, size=8)
    for frozen in (space.freeze(architecture), made):
        frozen.net.load_state_dict(built.state_dict())
        assert torch.equal(frozen.eval()(images), built(images))


def test_nni_json_rebuilds_the_network(space):
    sample = space.parse_genotype(EXAMPLE)
    simplified = SimplifiedModelSpace.from_model(space, FunctionalEvaluator(len))
    loaded = nni.load(nni.dump(simplified.freeze(sample)))
    net = loaded.executable_model().net
    assert isinstance(net, CellChain)
    assert count_parameters(net) == count_parameters(space.build(sample))


def most_parameters(model: NasBench201Space) -> None:
    nni.report_final_result(float(count_parameters(model)))


@pytest.mark.parametrize(
    "strategy", [Random(), RegularizedEvolution(population_size=4, sample_size=2)], ids=lambda s: type(s).__name__
)
def test_nnis_own_strategies_search_it(space, strategy):
    engine = SequentialExecutionEngine(max_model_count=8)
    strategy(SimplifiedModelSpace.from_model(space, FunctionalEvaluator(most_parameters)), engine)
    models = list(engine.list_models())
    assert len(models) == 8
    assert all(model.metric == count_parameters(space.build(model.sample)) for model in models)


def test_optuna_samples_it(space):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = [suggest(study.ask(), space.search_space) for _ in range(5)]
    assert len({space.genotype(architecture) for architecture in found}) == 5


def test_the_graph_leaves_out_what_is_not_there(space):
    graph = space.graph(space.parse_genotype(EXAMPLE))
    assert graph.edges["cell 0", "cell 3"]["label"] == "avg_pool_3x3"
    assert not graph.has_edge("cell 1", "cell 3")
    assert [n for n, degree in graph.out_degree() if not degree] == ["cell c_{k}"]
