"""The DARTS space: published counts, genotypes, and that its networks are those of the papers."""

from __future__ import annotations

import subprocess
import sys

import nni
import numpy as np
import optuna
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.hub.pytorch import DARTS as NniDarts
from nni.nas.space import SimplifiedModelSpace, model_context
from nni.nas.strategy import Random, RegularizedEvolution
from safetensors.torch import load, save
from torch import nn

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.hosts.optuna import suggest
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.images import PUBLISHED, CellGenotype, DartsSpace, Genotype
from nni_nasplus.spaces.images.cell import Cell
from nni_nasplus.spaces.images.flow import graph_of
from nni_nasplus.spaces.images.operations import DropPath
from nni_nasplus.spaces.images.stack import CellPlan, CellStack, Macro

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
MEMBERS = [name for name in PUBLISHED if name not in ("NASNet", "AmoebaNet")]
PUBLISHED_FORM = """Genotype(
    normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
            ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)],
    normal_concat=[2, 3, 4, 5],
    reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1),
            ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)],
    reduce_concat=range(2, 6))"""
cases = settings(max_examples=50, deadline=None, database=None)


@pytest.fixture(scope="module")
def space() -> DartsSpace:
    return DartsSpace(channels=2, layers=3, classes=3, size=8, drop_path=0.0)


def random_architecture(space: DartsSpace, seed: int) -> dict:
    return space.search_space.sample(np.random.default_rng(seed))


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


@pytest.mark.parametrize("name", MEMBERS)
def test_published_genotypes_go_in_and_out(space, name):
    architecture = space.parse_genotype(name)
    assert space.parse_genotype(space.genotype(architecture)) == architecture
    cells, published = Genotype.parse(space.genotype(architecture)), Genotype.parse(PUBLISHED[name])
    for kind in ("normal", "reduce"):
        pairs = [[sorted(c.cell(kind).pair(node), key=lambda e: e[1]) for node in range(4)] for c in (cells, published)]
        assert pairs[0] == pairs[1]
    assert count_parameters(space.build(architecture)) == count_parameters(space.build_genotype(name))


@cases
@given(seed=st.integers(0, 2**32))
def test_random_genotypes_go_in_and_out(space, seed):
    architecture = random_architecture(space, seed)
    assert space.parse_genotype(space.genotype(architecture)) == architecture


@cases
@given(seed=st.integers(0, 2**32), flips=st.lists(st.booleans(), min_size=8, max_size=8))
def test_the_order_of_a_nodes_inputs_does_not_matter(space, seed, flips):
    architecture = random_architecture(space, seed)
    cells = []
    for kind, text in zip(("normal", "reduce"), space.genotype(architecture).split("/"), strict=True):
        flipped = flips[:4] if kind == "normal" else flips[4:]
        nodes = [node.split(",")[:: -1 if flip else 1] for node, flip in zip(text.split("|"), flipped, strict=True)]
        cells.append("|".join(",".join(node) for node in nodes))
    assert space.parse_genotype("/".join(cells)) == architecture


def test_the_form_of_the_papers_code_is_read(space):
    assert space.parse_genotype(PUBLISHED_FORM) == space.parse_genotype("DARTS_V2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NASNet", "'NASNet' is not in the DARTS space: its normal cell has 5 nodes, not 4; build it with build_geno"),
        ("AmoebaNet", "'AmoebaNet' is not in the DARTS space: its normal cell has 5 nodes"),
        ("DARTS_V3", "unknown genotype 'DARTS_V3'; published ones: DARTS_V1, DARTS_V2"),
        ("sep3~0,sep3~1", "has 1 cells, not 2"),
        ("sep3~0,sep3~2|{n}", "node 0 takes state 2; use an earlier one, 0 to 1"),
        ("sep3~0,sep9~1|{n}", "unknown operation 'sep9'"),
        ("sep3~0,skip|{n}", "'skip' is no edge"),
        ("sep3~0,skip~x|{n}", "'x' is no number of a state"),
        ("sep3~0|{n}", "node 0 has 1 edges"),
        ("sep3~0,skip~0|{n}", "node 0 of its normal cell takes one state twice"),
        ("sep3~0,sep7~1|{n}", "its normal cell uses sep_conv_7x7"),
        ("sep3~0,sep3~1|{n}>2,3", "its normal cell does not output all nodes"),
        ("sep3~0,sep3~1|{n}>2,9", "concatenates states"),
        ("Genotype(normal=1)", "is no genotype"),
        ("Genotype(normal=[()], normal_concat=[2], reduce=[], reduce_concat=[])", "is no genotype"),
        ("Genotype(normal=[('skip_connect', 1e999)], normal_concat=[2])", "is no genotype"),
        ("__import__('os').system('normal')", "is no genotype"),
    ],
)
def test_a_bad_genotype_is_told_in_one_line(space, text, message):
    nodes = "sep3~0,sep3~1|sep3~0,sep3~1|sep3~0,sep3~1"
    if "{n}" in text:
        text = text.format(n=nodes) + f"/sep3~0,sep3~1|{nodes}"
    with pytest.raises(UserError, match=r"^[^\n]+$") as raised:
        space.parse_genotype(text)
    assert message in str(raised.value)


@cases
@given(st.text(alphabet="sep3~0,1|/>skip normalGenotype(=[]')x", max_size=40))
def test_any_text_is_a_genotype_or_a_named_error(space, text):
    try:
        architecture = space.parse_genotype(text)
    except UserError:
        return
    assert space.search_space.validate(architecture) == architecture


@pytest.mark.parametrize("name", ["NASNet", "AmoebaNet"])
def test_cells_from_outside_the_space_can_be_built(space, name):
    assert space.build_genotype(name)(torch.randn(2, 3, 8, 8)).shape == (2, 3)
    assert str(Genotype.parse(str(Genotype.parse(PUBLISHED[name])))) == PUBLISHED[name]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"layers": 0}, "layers is 0"),
        ({"size": 0}, "size is 0"),
        ({"drop_path": 1.0}, "drop_path is 1.0"),
        ({"stem": "mnist"}, "stem is 'mnist'; choose one of cifar, imagenet, none"),
        ({"size": 12, "auxiliary": True}, "size is 12; use 13 or more, or auxiliary=False"),
        ({"size": 64, "auxiliary": True, "stem": "imagenet"}, "size is 64; use 65 or more, or auxiliary=False"),
        ({"channels": 1, "stem": "imagenet"}, "channels is 1; the ImageNet stem needs 2"),
    ],
)
def test_sizes_that_cannot_be_are_named(sizes, message):
    with pytest.raises(UserError, match=message):
        DartsSpace(**{"channels": 2, "layers": 3, **sizes})


@pytest.mark.parametrize(
    "sizes",
    [
        {"size": 1},
        {"size": 7, "in_channels": 1},
        {"size": 13, "auxiliary": True},
        {"size": 28, "auxiliary": True, "in_channels": 1},
        {"size": 65, "auxiliary": True, "stem": "imagenet"},
        {"size": 33, "stem": "imagenet"},
        {"layers": 1, "size": 8},
        {"layers": 2, "size": 9},
        {"channels": 1, "size": 8},
        {"channels": 3, "size": 5, "stem": "none"},
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_any_size_can_be_built_and_trained(sizes, seed):
    space = DartsSpace(**{"channels": 2, "layers": 3, "classes": 4, **sizes})
    network = space.build(random_architecture(space, seed))
    images = space.example().expand(3, -1, -1, -1) + torch.randn(3, 1, 1, 1)
    logits = network(images)
    sides = logits if space.auxiliary else (logits,)
    assert [side.shape for side in sides] == [(3, 4)] * (1 + space.auxiliary)
    sum(side.sum() for side in sides).backward()
    assert all(p.grad is not None for p in network.parameters())
    assert network.eval()(images).shape == (3, 4)


def spatial_sizes(network: CellStack, images: torch.Tensor) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    for cell in network.cells:
        cell.register_forward_hook(lambda _, __, output: seen.append(tuple(output.shape[1:3])))
    network(images)
    return seen


@pytest.mark.parametrize(("stem", "size"), [("cifar", 16), ("imagenet", 128)])
def test_reductions_are_at_a_third_and_two_thirds(stem, size):
    space = DartsSpace(channels=2, layers=8, stem=stem, size=size)
    seen = spatial_sizes(space.build_genotype("DARTS_V1"), space.example().expand(2, -1, -1, -1))
    assert seen == [(8, 16)] * 2 + [(16, 8)] * 3 + [(32, 4)] * 3


def test_a_macro_may_place_its_reductions():
    macro = Macro(channels=1, layers=2, stem_multiplier=1, reductions=(1,))
    assert [macro.kind(layer) for layer in range(2)] == ["normal", "reduce"]


def test_the_auxiliary_head_answers_in_training_alone():
    space = DartsSpace(channels=2, layers=6, size=16, auxiliary=True)
    network, images = space.build_genotype("DARTS_V2"), torch.randn(4, 3, 16, 16)
    main, side = network(images)
    assert not torch.allclose(main, side)
    assert isinstance(network.eval()(images), torch.Tensor)
    assert isinstance(DartsSpace(2, 6).build_genotype("DARTS_V2")(images), torch.Tensor)


def test_paths_are_dropped_in_training_alone():
    space = DartsSpace(channels=2, layers=3, size=8, drop_path=0.5)
    network, images = space.build_genotype("DARTS_V2"), torch.randn(4, 3, 8, 8)
    assert not torch.equal(network(images), network(images))
    network.ramp_drop_path(0.0)
    assert torch.equal(network(images), network(images))
    network.ramp_drop_path(1.0)
    network.eval()
    assert torch.equal(network(images), network(images))


def test_drop_path_keeps_the_mean_and_drops_whole_examples():
    drop = DropPath(0.4)
    drop.ramp(0.5)
    torch.manual_seed(0)
    dropped = drop(torch.ones(20_000, 2, 2, 2)).flatten(1)
    assert (dropped == dropped[:, :1]).all()
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert (dropped[:, 0] == 0).double().mean().item() == pytest.approx(0.2, abs=0.01)
    assert torch.equal(drop.eval()(torch.ones(3, 1, 1, 1)), torch.ones(3, 1, 1, 1))


def test_identities_are_never_dropped():
    skips = CellGenotype((("skip_connect", 0), ("skip_connect", 1)), (2,))
    pools = CellGenotype((("max_pool_3x3", 0), ("max_pool_3x3", 1)), (2,))
    states = torch.rand(2, 64, 6, 4, 4)
    for genotype, constant in ((skips, True), (pools, False)):
        cell = Cell(genotype, CellPlan("normal", 2, (6, 6), halved=False), 0.5)
        assert torch.equal(cell(*states), cell(*states)) == constant


def nni_sample(architecture: dict) -> dict:
    """The architecture in the terms of NNI's own space."""
    genotype = Genotype.parse(DartsSpace(2, 3).genotype(architecture))
    return {
        f"{kind}/{part}_{node + 2}_{side}": [value] if part == "input" else value
        for kind in ("normal", "reduce")
        for node in range(4)
        for side, (operation, source) in enumerate(genotype.cell(kind).pair(node))
        for part, value in (("op", operation), ("input", source))
    }


@pytest.mark.parametrize(("stem", "classes", "size"), [("cifar", 10, 16), ("imagenet", 1000, 64)])
@pytest.mark.parametrize("seed", range(2))
def test_networks_equal_nnis_with_the_same_weights(seed, stem, classes, size):
    space = DartsSpace(channels=4, layers=4, classes=classes, stem=stem, drop_path=0.0)
    architecture = random_architecture(space, seed)
    with model_context(nni_sample(architecture)):
        theirs = NniDarts(width=4, num_cells=4, dataset=stem).double().eval()
    ours = space.build(architecture).double().eval()
    randomise(theirs, seed)
    copy_in_order_of_use(theirs, ours, torch.zeros(1, 3, size, size, dtype=torch.double))
    images = torch.randn(3, 3, size, size, dtype=torch.double)
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-10, atol=1e-10)


def test_the_auxiliary_head_equals_nnis():
    space = DartsSpace(channels=4, layers=4, auxiliary=True, drop_path=0.0)
    architecture = random_architecture(space, 0)
    with model_context(nni_sample(architecture)):
        theirs = NniDarts(width=4, num_cells=4, dataset="cifar", auxiliary_loss=True).double()
    ours = space.build(architecture).double()
    randomise(theirs, 0)
    images = torch.randn(4, 3, 32, 32, dtype=torch.double)
    copy_in_order_of_use(theirs, ours, images)
    for left, right in zip(ours(images), theirs(images), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-9, atol=1e-9)


def randomise(network: nn.Module, seed: int) -> None:
    """Weights and statistics that no two layers share."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in [*network.parameters(), *network.buffers()]:
        if tensor.is_floating_point():
            tensor.data = 0.5 + torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)


def copy_in_order_of_use(source: nn.Module, target: nn.Module, example: torch.Tensor) -> None:
    used = []
    for network in (source, target):
        layers: list[nn.Module] = []
        kinds = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
        hooks = [
            module.register_forward_hook(lambda module, *_, layers=layers: layers.append(module))
            for module in network.modules()
            if isinstance(module, kinds)
        ]
        network(example)
        for hook in hooks:
            hook.remove()
        used.append(layers)
    for theirs, ours in zip(*used, strict=True):
        ours.load_state_dict(theirs.state_dict())


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


def test_two_operations_on_one_state_share_an_arc():
    graph = graph_of(Genotype.parse(PUBLISHED["NASNet"]))
    assert graph.edges["normal c_{k-2}", "normal 3"]["label"] == "avg_pool_3x3\navg_pool_3x3"
    assert set(graph.predecessors("reduce c_{k}")) == {f"reduce {node}" for node in (2, 3, 4)}


def test_a_cell_needs_nodes():
    with pytest.raises(UserError, match="a cell has 0 edges; give two to each node"):
        CellGenotype((), (2,))


def test_importing_genotypes_leaves_torch_out():
    code = (
        "import sys, nni_nasplus.spaces.images as images; images.Genotype.parse(images.PUBLISHED['GDAS_V1']);"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
