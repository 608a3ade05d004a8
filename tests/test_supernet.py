"""Supernets: published counts, masks, weights, derivation, and that one path of them is the discrete network."""

from __future__ import annotations

import copy
import math
import re
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nni.nas.evaluator.pytorch import Classification
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.space import RawFormatModelSpace
from nni.nas.strategy import DARTS, GumbelDARTS, Proxyless, RandomOneShot
from test_event_space import SHAPE, close, exact, random_batch, with_rubbish
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.supernet import Edge, MixedOperation, Supernet
from nni_nasplus.spaces.events import EventSequenceNet, EventSequenceSpace, EventSupernet
from nni_nasplus.spaces.events.decisions import OPS, conditions, decisions
from nni_nasplus.spaces.events.genotype import parse
from nni_nasplus.spaces.images import (
    ChainMacro,
    DartsSpace,
    DartsSupernet,
    Macro,
    NasBench201Space,
    NasBench201Supernet,
)
from nni_nasplus.spaces.images.operations import FactorizedReduce

DARTS_SPACE = DartsSpace(channels=2, layers=3, classes=3, size=8, drop_path=0.0)
NB201_SPACE = NasBench201Space(channels=2, cells=1, classes=3, size=8)
EVENTS = parse("01|1|agc1,g|44,12|00")
cases = settings(max_examples=15, deadline=None, database=None)


def darts(**options) -> DartsSupernet:
    return DartsSupernet(DARTS_SPACE.macro, **options)


def nasbench201(**options) -> NasBench201Supernet:
    return NasBench201Supernet(NB201_SPACE.macro, **options)


def events(**options) -> EventSupernet:
    return EventSupernet(SHAPE, EVENTS, hidden=8, dropout=0.0, **options)


SUPERNETS = {"darts": darts, "nasbench201": nasbench201, "events": events}
every = pytest.mark.parametrize("make", SUPERNETS.values(), ids=SUPERNETS)


def example(supernet: Supernet):
    return random_batch(SHAPE, 3, 7) if isinstance(supernet, EventSupernet) else torch.randn(3, 3, 8, 8)


def random_alphas(supernet: Supernet, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for alpha in supernet.architecture_parameters():
        alpha.data = torch.randn(alpha.shape, generator=generator).to(alpha)


@pytest.mark.parametrize(
    ("channels", "layers", "parameters"),
    [(16, 8, 1_930_618), (8, 8, 597_890), (8, 5, 394_210), (4, 5, 136_182), (4, 3, 72_854)],
)
def test_darts_supernets_have_the_published_parameters(channels, layers, parameters):
    with torch.device("meta"):
        supernet = DartsSupernet(Macro(channels, layers))
    assert count_parameters(supernet) == parameters
    assert [tuple(alpha.shape) for alpha in supernet.architecture_parameters()] == [(14, 8), (14, 8)]


def test_te_nas_networks_have_the_published_parameters():
    kernel = NasBench201Supernet(ChainMacro(channels=3, cells=1))
    assert count_parameters(kernel) + 30 == 14_707
    assert sum(p.numel() for name, p in kernel.named_parameters() if "weight" in name) == 14_364
    regions = NasBench201Supernet(ChainMacro(channels=1, cells=1, in_channels=1, stages=1, stem=False), mode="sum")
    stem = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.BatchNorm2d(1))
    assert count_parameters(regions) + count_parameters(stem) + 30 == 147
    units = []
    for module in regions.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, __, output: units.append(output[0].numel()))
    regions(torch.randn(2, 1, 3, 3))
    assert sum(units) == 117


def test_darts_searches_with_batch_norms_without_weights_and_after_pools():
    cells = darts().net.cells
    assert all(not m.affine for m in cells.modules() if isinstance(m, nn.BatchNorm2d))
    assert darts(affine=True).net.cells[0].preprocess.last[2].affine
    for cell in cells:
        for edge in cell.edges:
            assert list(edge.operations) == ["none", *DARTS_SPACE.search_space.decisions["normal_op0a"]]
            assert all(
                isinstance(edge.operations[pool][1], nn.BatchNorm2d) for pool in ("max_pool_3x3", "avg_pool_3x3")
            )
    skips = [cell.edges[e].operations["skip_connect"] for cell in cells if cell.kind == "reduce" for e in range(14)]
    halving = {e for e, skip in enumerate(skips[:14]) if isinstance(skip, FactorizedReduce)}
    assert halving == {0, 1, 2, 3, 5, 6, 9, 10}


@every
def test_alphas_stay_outside_the_parameters(make):
    supernet = make()
    parameters = set(supernet.parameters())
    assert not parameters & set(supernet.architecture_parameters())
    supernet(example(supernet)).sum().backward()
    assert all(alpha.grad.abs().sum() > 0 for alpha in supernet.architecture_parameters())
    supernet.double()
    assert {alpha.dtype for alpha in supernet.architecture_parameters()} == {torch.float64}
    with torch.device("meta"):
        assert {alpha.device.type for alpha in make().architecture_parameters()} == {"meta"}


@every
def test_an_edge_is_undecided_at_first(make):
    supernet = make(generator=torch.Generator().manual_seed(0))
    number = len(supernet.operations)
    assert number == {"DartsSupernet": 8, "NasBench201Supernet": 5, "EventSupernet": 7}[type(supernet).__name__]
    for entropy in supernet.entropy().values():
        assert entropy.tolist() == pytest.approx([math.log(number)] * len(entropy), abs=1e-5)
    again = make(generator=torch.Generator().manual_seed(0))
    pairs = zip(supernet.architecture_parameters(), again.architecture_parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@every
def test_the_alphas_are_small_at_first(make):
    values = torch.cat([a.flatten() for seed in range(4) for a in make_seeded(make, seed).architecture_parameters()])
    assert values.std().item() == pytest.approx(1e-3, rel=0.2)


def make_seeded(make, seed: int) -> Supernet:
    return make(generator=torch.Generator().manual_seed(seed))


@every
def test_weights_are_the_softmax_of_what_is_alive(make):
    supernet = make()
    random_alphas(supernet, 0)
    edge, gone = supernet.edges[-1], supernet.operations[1]
    supernet.prune(edge, gone)
    row = supernet.weights()[edge.cell][-1]
    alpha = supernet.alphas[edge.cell][-1]
    kept = [i for i in range(len(row)) if i != 1]
    torch.testing.assert_close(row[kept], alpha[kept].softmax(0))
    assert row[1] == 0
    assert gone not in supernet.alive(edge)
    supernet.mode = "sum"
    assert supernet.weights()[edge.cell][-1].tolist() == [float(i != 1) for i in range(len(row))]
    torch.testing.assert_close(supernet.probabilities()[edge.cell][-1], row)


@every
def test_a_pruned_operation_is_not_computed_and_its_alpha_not_moved(make):
    supernet = make()
    edge, gone = supernet.edges[0], supernet.operations[2]
    mixtures = [m for m in supernet.modules() if isinstance(m, MixedOperation)]
    calls = []
    for mixture in mixtures:
        mixture.operations[gone].register_forward_hook(lambda *_: calls.append(1))
    supernet(example(supernet))
    before = len(calls)
    supernet.prune(edge, gone)
    calls.clear()
    supernet(example(supernet)).sum().backward()
    assert 0 < before - len(calls) < before
    assert supernet.alphas[edge.cell].grad[0, 2] == 0
    assert count_parameters(supernet) == count_parameters(make())


@every
@pytest.mark.parametrize("mode", ["softmax", "sum"])
def test_without_is_prune_for_a_while(make, mode):
    supernet = make(mode=mode).eval()
    batch = example(supernet)
    edge, gone = supernet.edges[0], supernet.operations[-1]
    whole = supernet(batch)
    with supernet.without(edge, gone):
        less = supernet(batch)
    assert not torch.allclose(whole, less)
    assert torch.equal(supernet(batch), whole)
    supernet.prune(edge, gone)
    assert torch.equal(supernet(batch), less)


def test_a_whole_edge_can_be_pruned():
    supernet = nasbench201(mode="sum").eval()
    images = torch.randn(2, 3, 8, 8)
    edge = Edge("cell", 0, 3)
    with supernet.without(edge):
        without = supernet(images)
        assert supernet.alive(edge) == []
        assert supernet.weights()["cell"][3].tolist() == [0.0] * 5
        assert supernet.derive()["op_0_3"] == "none"
    for name in supernet.operations[1:]:
        supernet.prune(edge, name)
    assert supernet.alive(edge) == ["none"]
    torch.testing.assert_close(supernet(images), without)


@every
def test_errors_are_named(make):
    supernet = make()
    edge = supernet.edges[0]
    with pytest.raises(UserError, match=r"^no edge \('cell', 7, 8\) in this supernet; its attribute edges lists them$"):
        supernet.alive(Edge("cell", 7, 8))
    with pytest.raises(UserError, match=re.escape(f"'conv9' is not alive on edge {tuple(edge)}; ")):
        supernet.prune(edge, "conv9")
    with pytest.raises(UserError, match="mode is 'max'; choose softmax or sum"):
        make(mode="max")


@every
def test_the_last_operation_that_leads_to_a_node_is_kept(make):
    supernet = make()
    first = [edge for edge in supernet.edges if (edge.cell, edge.target) == supernet.edges[0][::2]]
    for edge in first[1:]:
        supernet.prune(edge)
    for name in supernet.operations[1:]:
        supernet.prune(first[0], name)
    message = f"nothing else leads to node {first[0].target} of the {first[0].cell} cell; keep it"
    for last in (supernet.operations[0], None):
        with pytest.raises(UserError, match=message):
            supernet.prune(first[0], last)
        with pytest.raises(UserError, match=message), supernet.without(first[0], last):
            pass
    assert supernet.alive(first[0]) == [supernet.operations[0]]
    supernet(example(supernet))


def test_two_edges_must_lead_to_a_node_that_is_derived():
    supernet = darts()
    supernet.prune(Edge("reduce", 1, 2))
    with pytest.raises(UserError, match="node 0 of the reduce cell has fewer than two edges left; prune fewer"):
        supernet.derive()


@every
def test_alphas_and_masks_are_saved(make):
    supernet, other = make(), make()
    random_alphas(supernet, 1)
    supernet.prune(supernet.edges[0], supernet.operations[0])
    batch = example(supernet)
    alphas = other.architecture_parameters()
    other.load_state_dict(copy.deepcopy(supernet.state_dict()))
    assert torch.equal(other.eval()(batch), supernet.eval()(batch))
    assert other.derive() == supernet.derive()
    assert all(a is b for a, b in zip(alphas, other.architecture_parameters(), strict=True))
    twin = copy.deepcopy(supernet)
    twin.prune(twin.edges[0], twin.operations[1])
    assert torch.equal(other(batch), supernet(batch))


def naive_darts(alphas: dict[str, torch.Tensor]) -> dict[str, list[set[tuple[str, int]]]]:
    """Per node the two edges whose best operation but none has the largest share, in plain loops."""
    names = ["none", *DARTS_SPACE.search_space.decisions["normal_op0a"]]
    found = {}
    for kind, alpha in alphas.items():
        rows, nodes = alpha.softmax(-1).tolist(), []
        for node in range(4):
            start = sum(range(2, node + 2))
            edges = [max(zip(rows[start + j][1:], names[1:], strict=True), key=lambda x: x[0]) for j in range(node + 2)]
            ranked = sorted(range(node + 2), key=lambda j: edges[j][0], reverse=True)[:2]
            nodes.append({(edges[j][1], j) for j in ranked})
        found[kind] = nodes
    return found


@settings(max_examples=50, deadline=None, database=None)
@given(st.integers(0, 2**32))
def test_darts_derives_as_published(seed):
    random_alphas(DERIVED, seed)
    architecture = DERIVED.derive()
    assert architecture == DERIVED.derive()
    assert DARTS_SPACE.search_space.validate(architecture) == architecture
    found = {}
    for kind, text in zip(("normal", "reduce"), DARTS_SPACE.genotype(architecture).split("/"), strict=True):
        cell = DARTS_SPACE.parse_genotype(f"{text}/{text}")
        pairs = [(cell.get(f"normal_from{node}", "0,1").split(","), node) for node in range(4)]
        found[kind] = [
            {(cell[f"normal_op{node}{side}"], int(source)) for side, source in zip("ab", sources, strict=True)}
            for sources, node in pairs
        ]
    assert found == naive_darts(DERIVED.alphas)


DERIVED = darts()


def test_none_weighs_and_is_never_derived():
    supernet = darts()
    for alpha in supernet.architecture_parameters():
        alpha.data.zero_()
        alpha.data[:, 0] = 5.0
        alpha.data[:, 4] = 1.0
    # an edge on which none is as weak as the rest has the larger shares, whatever its α
    supernet.alphas["normal"].data[11, :] = 0.5
    architecture = supernet.derive()
    assert architecture["normal_from3"] == "0,2"
    assert architecture["normal_op3b"] == "max_pool_3x3"
    assert architecture["normal_op3a"] == "sep_conv_3x3"


def test_of_equal_ones_the_first_is_derived():
    supernets = [darts(), nasbench201(), events()]
    for supernet in supernets:
        for alpha in supernet.architecture_parameters():
            alpha.data.zero_()
    pools = "|".join(["max3~0,max3~1"] * 4)
    assert DARTS_SPACE.genotype(supernets[0].derive()) == f"{pools}/{pools}"
    assert set(supernets[1].derive().values()) == {"none"}
    assert supernets[2].derive()["encoder_2_op"] == "a"


@every
def test_a_larger_alpha_wins(make):
    supernet = make()
    best = len(supernet.operations) - 1
    for alpha in supernet.architecture_parameters():
        alpha.data[:, best] += 3.0
    derived = dict(supernet.selected(supernet.derive()))
    assert set(derived.values()) == {supernet.operations[best]}
    assert set(derived) <= set(supernet.edges)


def fill(network: nn.Module, supernet: Supernet, architecture: dict) -> None:
    """Give a discrete network the shared weights of its operations."""
    chosen: dict[str, list[tuple[int, str]]] = {}
    for edge, operation in supernet.selected(architecture):
        row = [e for e in supernet.edges if e.cell == edge.cell].index(edge)
        chosen.setdefault(edge.cell, []).append((row, operation))
    theirs = supernet.net
    rest = {k: v for k, v in theirs.state_dict().items() if ".operations." not in k}
    missing, unexpected = network.load_state_dict(rest, strict=False)
    assert not unexpected
    assert all(".edges." in name or ".split." in name for name in missing)
    if isinstance(supernet, EventSupernet):
        for i, (_, operation) in enumerate(chosen["encoder"]):
            network.encoder[i].split.load_state_dict(theirs.encoder[i].split.operations[operation].state_dict())
        return
    cells = theirs.cells if isinstance(supernet, DartsSupernet) else theirs.blocks
    ours = network.cells if isinstance(supernet, DartsSupernet) else network.blocks
    for cell, mixed in zip(ours, cells, strict=True):
        if not hasattr(mixed, "edges"):
            continue
        for edge, (row, operation) in zip(cell.edges, chosen[getattr(mixed, "kind", "cell")], strict=True):
            module = mixed.edges[row].operations[operation]
            inner = module[0] if "pool" in operation and isinstance(module, nn.Sequential) else module
            edge.load_state_dict(inner.state_dict())


def without_the_norms_of_pools(supernet: Supernet) -> None:
    """The discrete network has none; without ε they change nothing at their first statistics."""
    for module in supernet.modules():
        if isinstance(module, nn.BatchNorm2d) and not module.affine:
            module.eps = 0.0


AFFINE = darts(affine=True).double().eval()
without_the_norms_of_pools(AFFINE)


@cases
@given(st.integers(0, 2**32))
def test_one_path_of_darts_is_the_discrete_network(seed):
    architecture = DARTS_SPACE.search_space.sample(np.random.default_rng(seed))
    supernet = AFFINE
    network = DARTS_SPACE.build(architecture).double().eval()
    fill(network, supernet, architecture)
    images = torch.randn(2, 3, 8, 8, dtype=torch.double)
    with supernet.only(architecture):
        torch.testing.assert_close(supernet(images), network(images), rtol=1e-9, atol=1e-9)
        assert supernet.mode == "sum"
    assert supernet.mode == "softmax"
    assert all(mask.all() for mask in supernet.masks.values())


@cases
@given(st.integers(0, 2**32))
def test_one_path_of_nasbench201_is_the_discrete_network(seed):
    architecture = NB201_SPACE.search_space.sample(np.random.default_rng(seed))
    supernet = nasbench201().double()
    network = NB201_SPACE.build(architecture).double()
    fill(network, supernet, architecture)
    images = torch.randn(4, 3, 8, 8, dtype=torch.double)
    with supernet.only(architecture):
        torch.testing.assert_close(supernet(images), network(images), rtol=1e-9, atol=1e-9)


def encoder_architecture(seed: int) -> dict:
    """The fixed decisions with random ops, of one head."""
    rng = np.random.default_rng(seed)
    chosen = {f"encoder_{i}_op": str(rng.choice(OPS)) for i in (1, 2)}
    kept = {name: choice for name, choice in EVENTS.items() if not name.endswith("_op") and "encoder_1_" not in name}
    heads = {name.replace("_op", "_heads"): 1 for name, op in chosen.items() if "a" in op}
    return SearchSpace(decisions(True), conditions()).validate({**kept, **chosen, **heads})


@cases
@given(st.integers(0, 2**32))
def test_one_path_of_the_events_is_the_discrete_network(seed):
    architecture = encoder_architecture(seed)
    supernet = events().double().eval()
    network = EventSequenceNet(SHAPE, architecture, hidden=8, dropout=0.0).double().eval()
    fill(network, supernet, architecture)
    batch = exact(random_batch(SHAPE, 3, 7, seed))
    with supernet.only(architecture):
        assert close(supernet(batch), network(batch))
        assert close(supernet(with_rubbish(batch, 3)), network(batch))


def test_what_the_events_derive_is_in_the_space():
    supernet = events(heads=4)
    seen = set()
    for seed in range(20):
        random_alphas(supernet, seed)
        architecture = supernet.derive()
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


@every
def test_given_weights_replace_those_of_alpha(make):
    supernet = make().eval()
    batch = example(supernet)
    weights = {cell: w.detach().clone().requires_grad_() for cell, w in supernet.weights().items()}
    output = supernet(batch, weights)
    assert torch.equal(output, supernet(batch))
    output.sum().backward()
    assert all(w.grad.abs().sum() > 0 for w in weights.values())
    assert all(alpha.grad is None for alpha in supernet.architecture_parameters())


@pytest.fixture
def loaders() -> dict:
    images, labels = torch.randn(8, 3, 8, 8), torch.arange(8) % 3
    loader = DataLoader(TensorDataset(images, labels), batch_size=4)
    return {"train_dataloaders": loader, "val_dataloaders": loader}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("strategy", [DARTS, GumbelDARTS, RandomOneShot])
@pytest.mark.parametrize("kind", ["darts", "nasbench201"])
def test_nnis_one_shot_strategies_train_it(kind, strategy, loaders, tmp_path):
    space = (
        DartsSpace(channels=2, layers=3, classes=3, size=8)
        if kind == "darts"
        else NasBench201Space(channels=2, cells=1, classes=3, size=8)
    )
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    evaluator = Classification(
        num_classes=3, max_epochs=1, enable_model_summary=False, default_root_dir=tmp_path, **quiet, **loaders
    )
    search = strategy() if strategy is RandomOneShot else strategy(arc_learning_rate=0.1)
    search.initialize(RawFormatModelSpace(space, evaluator), SequentialExecutionEngine())
    supernet = search.supernet.net.supernet
    before = copy.deepcopy(supernet)
    search.run()
    moved = [not torch.equal(a, b) for a, b in zip(before.parameters(), supernet.parameters(), strict=True)]
    assert sum(moved) > len(moved) / (20 if strategy is RandomOneShot else 2)
    for cell, alpha in supernet.alphas.items():
        assert torch.equal(alpha, before.alphas[cell]) == (strategy is RandomOneShot)
    (model,) = search.list_models()
    sample = space.search_space.validate(model.sample)
    if strategy is not RandomOneShot:
        assert sample == supernet.derive()
    assert model.executable_model()(torch.randn(2, 3, 8, 8)).shape == (2, 3)


def test_random_one_shot_runs_the_network_it_drew():
    space = NasBench201Space(channels=2, cells=1, classes=3, size=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        RandomOneShot().mutate_model(space)
    images, drawn = torch.randn(2, 3, 8, 8), set()
    space.eval()
    for _ in range(5):
        sample = space.net.resample({})
        drawn.add(space.genotype(sample))
        with space.net.supernet.only(sample):
            expected = space.net.supernet(images)
        assert torch.equal(space(images), expected)
    assert len(drawn) > 3


@pytest.mark.parametrize("space", [DARTS_SPACE, NB201_SPACE], ids=["darts", "nasbench201"])
def test_strategies_of_single_layers_are_refused(space):
    with pytest.raises(UserError, match="NNI's Proxyless needs layer choices; use DARTS, GumbelDARTS or RandomOneShot"):
        Proxyless().mutate_model(copy.deepcopy(space))
