"""The DARTS space: published counts, and NNI and Optuna search it."""

from __future__ import annotations

import nni
import optuna
import pytest
import torch
from image_networks import random_architecture
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.space import SimplifiedModelSpace, model_context
from nni.nas.strategy import Random, RegularizedEvolution
from safetensors.torch import load, save
from torch import nn

from nni_nasplus import SearchSpace
from nni_nasplus.hosts.optuna import suggest
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.images import PUBLISHED, DartsSpace

COLUMNS = {
    "plain": {},
    "auxiliary": {"auxiliary": True},
    "small": {"channels": 16, "layers": 8},
    "imagenet": {"channels": 48, "layers": 14, "classes": 1000, "stem": "imagenet", "size": 224},
}
PARAMETERS = {
    "DARTS_V1": (3_169_414, 3_645_840, 232_890, 4_510_432),
    "DARTS_V2": (3_349_342, 3_825_768, 246_106, 4_718_752),
    "PC_DARTS_cifar": (3_634_678, 4_111_104, 335_738, 5_270_560),
    "PC_DARTS_image": (3_721_510, 4_197_936, 327_546, 5_342_464),
    "PDARTS": (3_433_798, 3_910_224, 292_026, 4_944_352),
    "NASNet": (3_830_950, 4_288_944, 333_946, 5_564_320),
    "AmoebaNet": (3_145_078, 3_603_072, 326_330, 4_627_360),
    "GDAS_V1": (3_368_782,),
}


@pytest.fixture(scope="module")
def space() -> DartsSpace:
    return DartsSpace(channels=2, layers=3, classes=3, size=8, drop_path=0.0)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_the_published_ones(name):
    with torch.device("meta"):
        for (column, sizes), parameters in zip(COLUMNS.items(), PARAMETERS[name], strict=False):
            network = DartsSpace(**sizes).build_genotype(name)
            assert sum(weight.numel() for weight in network.parameters()) == parameters, column
            assert count_parameters(network) == (PARAMETERS[name][0] if column == "auxiliary" else parameters), column


def test_every_published_genotype_is_counted():
    assert set(PARAMETERS) == set(PUBLISHED)


def test_the_number_of_cells(space):
    assert space.search_space.size == 1_037_664_180**2
    one_kind = {name: choices for name, choices in space.search_space.decisions.items() if name.startswith("normal")}
    assert SearchSpace(one_kind).size == 1_037_664_180


def test_nni_reads_as_the_same_space(space):
    assert SearchSpace.from_nni(space) == space.search_space


def test_nni_freezes_to_what_build_builds(space):
    architecture = random_architecture(space, 0)
    images = torch.randn(2, 3, 8, 8)
    built = space.build(architecture).eval()
    with model_context(architecture):
        made = DartsSpace(channels=2, layers=3, classes=3, size=8, drop_path=0.0)
    for frozen in (space.freeze(architecture), made):
        frozen.net.load_state_dict(built.state_dict())
        assert torch.equal(frozen.eval()(images), built(images))


def test_nni_json_rebuilds_the_network(space):
    sample = random_architecture(space, 1)
    simplified = SimplifiedModelSpace.from_model(space, FunctionalEvaluator(len))
    loaded = nni.load(nni.dump(simplified.freeze(sample)))
    expected = space.build(sample).state_dict()
    assert {k: v.shape for k, v in loaded.executable_model().net.state_dict().items()} == {
        k: v.shape for k, v in expected.items()
    }


def most_parameters(model: DartsSpace) -> None:
    nni.report_final_result(float(count_parameters(model)))


@pytest.mark.parametrize(
    "strategy", [Random(), RegularizedEvolution(population_size=4, sample_size=2)], ids=lambda s: type(s).__name__
)
def test_nnis_own_strategies_search_it(strategy):
    space = DartsSpace(channels=1, layers=2, size=4)
    engine = SequentialExecutionEngine(max_model_count=8)
    strategy(SimplifiedModelSpace.from_model(space, FunctionalEvaluator(most_parameters)), engine)
    models = list(engine.list_models())
    assert len(models) == 8
    for model in models:
        built = space.build(space.search_space.validate(model.sample))
        assert model.metric == count_parameters(built)


def test_optuna_samples_it(space):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    genotypes = set()
    for _ in range(5):
        architecture = suggest(study.ask(), space.search_space)
        assert space.search_space.validate(architecture) == architecture
        genotypes.add(space.genotype(architecture))
    assert len(genotypes) == 5


def test_seeded_builds_agree_and_weights_reload(space):
    images = torch.randn(2, 3, 8, 8)

    def build(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return space.build_genotype("PDARTS").eval()

    first, again, other = build(0), build(0), build(1)
    assert torch.equal(first(images), again(images))
    assert not torch.equal(first(images), other(images))
    other.load_state_dict(load(save(first.state_dict())))
    assert torch.equal(first(images), other(images))


def test_the_graph_is_the_genotype(space):
    architecture = space.parse_genotype("DARTS_V2")
    graph = space.graph(architecture)
    assert {cell for _, cell in graph.nodes(data="cell")} == {"normal", "reduce"}
    assert graph.edges["normal 0", "normal 3"]["label"] == "dil_conv_3x3"
    assert graph.edges["reduce c_{k-1}", "reduce 3"]["label"] == "max_pool_3x3"
    assert [n for n, degree in graph.out_degree() if not degree] == ["normal c_{k}", "reduce c_{k}"]
    assert sum(label != "" for *_, label in graph.edges(data="label")) == 16
