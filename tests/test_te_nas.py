"""TE-NAS: published numbers of rounds and scores, ranks by counting, seeds, resume, and what is refused."""

from __future__ import annotations

import copy
import json
import math
import warnings
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from digits_search import Digits
from hypothesis import given, settings
from hypothesis import strategies as st
from nni.nas.evaluator.pytorch import Classification
from nni.nas.evaluator.pytorch import DataLoader as TracedLoader
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.space import RawFormatModelSpace
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from test_event_space import SHAPE
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus import UserError
from nni_nasplus.errors import HostLost
from nni_nasplus.hosts.nni.one_shot_te_nas import OneShotTENAS
from nni_nasplus.proxies import linear_regions, ntk_condition, random_batch
from nni_nasplus.proxies.ntk import jacobian
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.events.genotype import parse
from nni_nasplus.spaces.events.supernet import EventSupernet
from nni_nasplus.spaces.images import ChainMacro, DartsSpace, NasBench201Space, NasBench201Supernet
from nni_nasplus.strategies.te_nas import TENAS, Networks, TeNas, drawn_from, networks_of
from nni_nasplus.strategies.te_nas.finding import TeNasSearch
from nni_nasplus.strategies.te_nas.kernel import ExampleGradients
from nni_nasplus.strategies.te_nas.networks import patches
from nni_nasplus.strategies.te_nas.prepared import Prepared
from nni_nasplus.strategies.te_nas.ranking import Scores, changes, cuts_of, importance, kept_edges, pruned_operations
from nni_nasplus.strategies.te_nas.scoring import Scorer

NB201 = NasBench201Space(channels=2, cells=1, classes=3, size=6)
DARTS = DartsSpace(channels=2, layers=3, classes=3, size=6, drop_path=0.0)
SMALL = {"kernel_examples": 4, "region_examples": 30}
numbers = settings(max_examples=30, deadline=None, database=None)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def noise(monkeypatch):
    """Random scores in place of those of networks."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(Scorer, "begin", lambda self, *place: None)
    monkeypatch.setattr(Scorer, "__call__", lambda self, **_: Scores(*rng.uniform(1, 100, 2)))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(space=NB201, count=40):
    return random_batch(space, count, generator())


def made(space=NB201, **options):
    return Recorded(networks_of(space), images(space), **{**SMALL, **options})


def trained(search, **options):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    checkpoints = {"enable_checkpointing": "callbacks" in options}
    pl.Trainer(**{"max_epochs": -1, **quiet, **checkpoints, **options}).fit(search, ckpt_path=None)
    return search


class Recorded(TENAS):
    """Keeps the scores of each step, and what is alive after each round."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.history = []
        self.alive = []

    def _score(self):
        super()._score()
        self.history.append((self.round, self._scores[-1]))

    def on_train_epoch_end(self):
        super().on_train_epoch_end()
        self.alive.append([len(self.kernel.alive(edge)) for edge in self.kernel.edges])


@pytest.fixture(scope="module")
def whole():
    return trained(made(repeats=2))


def steps_of(search):
    return [sum(number == wanted for number, _ in search.history) for wanted in range(search.round)]


def test_none_is_pruned_before_the_first_round_and_everything_else_is_alive():
    for space, operations in ((NB201, 4), (DARTS, 7)):
        networks = networks_of(space)
        assert all(len(net.alive(edge)) == operations for net in networks.both for edge in net.edges)
        assert not any("none" in networks.kernel.alive(edge) for edge in networks.kernel.edges)


def test_the_networks_have_the_published_sizes():
    """14,707 parameters with the 30 α; gradients by 14,364 weights; 117 units of ReLUs for a patch."""
    published = networks_of(NasBench201Space())
    assert sum(p.numel() for p in published.kernel.parameters()) + 30 == 14_707
    assert ExampleGradients(Prepared(published.kernel, double=True))(torch.randn(2, 3, 8, 8)).shape == (2, 14_364)
    units = []
    for module in published.regions.modules():
        if isinstance(module, torch.nn.ReLU):
            module.register_forward_hook(lambda _, __, output: units.append(output[0].numel()))
    with torch.no_grad():
        published.regions(torch.randn(2, 1, 3, 3))
    assert sum(units) == 117


def test_nasbench201_takes_three_rounds_of_24_18_and_12_scores_and_ends_with_one_operation_an_edge(whole):
    assert steps_of(whole) == [2 * (1 + 24), 2 * (1 + 18), 2 * (1 + 12)]
    assert whole.alive == [[3] * 6, [2] * 6, [1] * 6]
    assert NB201.search_space.validate(whole.architecture) == whole.architecture


def test_darts_takes_196_and_112_scores_and_then_keeps_two_edges_a_node(noise):
    search = trained(made(DARTS, repeats=1))
    assert steps_of(search) == [1 + 196, 1 + 112, 1 + 24]
    assert search.alive[0] == [4] * 28
    assert search.alive[1] == [1] * 28
    left = [edge for edge in search.kernel.edges if search.kernel.alive(edge)]
    assert {(cell, node): 2 for cell in ("normal", "reduce") for node in range(2, 6)} == {
        (cell, node): sum((edge.cell, edge.target) == (cell, node) for edge in left)
        for cell in ("normal", "reduce")
        for node in range(2, 6)
    }
    assert {(edge, *search.kernel.alive(edge)) for edge in left} == set(search.kernel.selected(search.architecture))
    assert DARTS.search_space.validate(search.architecture) == search.architecture


def test_equal_seeds_give_equal_scores_and_architectures_and_others_other_scores(whole):
    again = trained(made(repeats=2))
    assert again.history == whole.history
    assert again.architecture == whole.architecture
    assert trained(made(repeats=2, seed=4), max_epochs=1).history != whole.history[:50]


def test_equal_seeds_give_equal_scores_as_released_too():
    first, second, other = (trained(made(repeats=1, seed=i, as_released=True), max_epochs=1) for i in (3, 3, 4))
    assert first.history == second.history != other.history


def test_the_search_leaves_torchs_generator_as_it_is():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    search = made(repeats=1)
    torch.manual_seed(7)
    trained(search, max_epochs=1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("stop", [{"max_epochs": 1}, {"max_steps": 31}, {"max_steps": 50}])
def test_a_resumed_search_goes_on_as_one_that_never_stopped(tmp_path, whole, stop):
    kept = ModelCheckpoint(tmp_path, save_last=True, every_n_train_steps=None if "max_epochs" in stop else 1)
    cut = trained(made(repeats=2), callbacks=[kept], **{"max_epochs": 2, **stop})
    resumed = made(repeats=2)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    pl.Trainer(max_epochs=-1, enable_checkpointing=False, **quiet).fit(resumed, ckpt_path=tmp_path / "last.ckpt")
    assert 0 < len(cut.history) == stop.get("max_steps", 50)
    assert cut.history + resumed.history == whole.history
    assert resumed.architecture == whole.architecture


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    trained(made(repeats=1), callbacks=[ModelCheckpoint(tmp_path, save_last=True)], max_epochs=1)
    trainer = pl.Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu")
    with pytest.raises(UserError, match="the checkpoint's search has repeats=1; go on with that"):
        trainer.fit(made(repeats=2), ckpt_path=tmp_path / "last.ckpt")


def test_the_scores_of_a_round_are_those_of_each_network_by_itself(whole):
    """In the first round's second repeat, of every fifth network."""
    networks = networks_of(NB201)
    scorer = Scorer(networks, images(), whole.scorer.how)
    scorer.begin(0, 1)
    for place, cut in list(enumerate([None, *cuts_of(networks.kernel, None)]))[::5]:
        alone = [copy.deepcopy(net) for net in networks.both]
        for net in alone if cut else []:
            net.prune(*cut)
        kappa = ntk_condition(alone[0], scorer._batch, statistics="fixed")
        expected = (kappa, linear_regions(alone[1], scorer._patches))
        assert whole.history[25 + place] == (0, pytest.approx(expected, rel=1e-6))


@pytest.mark.parametrize("space", [NB201, DARTS])
def test_the_gradients_of_examples_are_those_of_one_example_at_a_time(space):
    networks, batch = networks_of(space), images(space, 5)
    gradients = ExampleGradients(Prepared(networks.kernel, double=True))
    cuts = cuts_of(networks.kernel, None)
    for cut in (cuts[0], cuts[len(cuts) // 2], cuts[-1]):
        with networks.kernel.without(*cut):
            expected, found = jacobian(networks.kernel, batch, "fixed"), gradients(batch)
            torch.testing.assert_close(found @ found.T, expected @ expected.T, rtol=1e-9, atol=1e-12)
            assert (expected != 0).any(0).sum() <= found.shape[1] <= expected.shape[1]


def test_weights_are_drawn_for_each_repeat_but_not_as_released_and_examples_always():
    for released in (False, True):
        search = made(as_released=released, **({"kernel_examples": 4}))
        weights, batches, crops = [], [], []
        for place in ((0, 0), (0, 1), (1, 0), (0, 0)):
            search.scorer.begin(*place)
            weights.append(torch.cat([p.flatten() for p in search.kernel.parameters()]).detach().clone())
            batches.append(search.scorer._batch)
            crops.append(search.scorer._patches)
        assert torch.equal(weights[0], weights[3])
        assert torch.equal(batches[0], batches[3])
        assert all(torch.equal(weights[0], other) == released for other in weights[1:3])
        assert not any(torch.equal(batches[0], other) or torch.equal(crops[0], crops[1]) for other in batches[1:3])


def test_as_released_takes_the_authors_batches_and_statistics():
    search = TENAS(networks_of(DARTS), images(DARTS), as_released=True)
    how = search.scorer.how
    assert (how.kernel_examples, how.region_examples, how.statistics) == (14, 3000, "batch")
    how = TENAS(networks_of(NB201), images(), as_released=True).scorer.how
    assert how.kernel_examples == 72
    how = TENAS(networks_of(NB201), images()).scorer.how
    assert (how.kernel_examples, how.region_examples, how.statistics) == (32, 5000, "fixed")


@pytest.mark.parametrize(("statistics", "singular"), [("batch", True), ("fixed", False)])
def test_with_the_statistics_of_the_batch_the_kernel_of_darts_is_singular(statistics, singular):
    scorer = TENAS(networks_of(DARTS), images(DARTS), seed=1, statistics=statistics, **SMALL).scorer
    scorer.begin(0, 0)
    assert (scorer().kappa == math.inf) is singular


scores = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=7, max_size=7)


@numbers
@given(scores)
def test_ranks_against_counting(values):
    """Rank κ descending and R ascending: how many come strictly before, and half of those beside."""
    whole, *rest = [Scores(float(kappa), float(regions)) for kappa, regions in values]
    delta = changes([[whole, *rest]], rounded=False)
    for row, one in zip(delta, rest, strict=True):
        assert row[0] == pytest.approx((whole.kappa - one.kappa) / whole.kappa)
        assert row[1] == pytest.approx((whole.regions - one.regions) / whole.regions)
    expected = []
    for one in rest:
        before = sum(other.kappa < one.kappa for other in rest) + sum(other.regions > one.regions for other in rest)
        beside = sum(other.kappa == one.kappa for other in rest) + sum(other.regions == one.regions for other in rest)
        expected.append(before + (beside + 2) / 2)
    assert importance(delta, dense=False).tolist() == expected
    dense = []
    for one in rest:
        before = {other.kappa for other in rest if other.kappa < one.kappa}
        more = {other.regions for other in rest if other.regions > one.regions}
        dense.append(len(before) + len(more) + 2)
    assert importance(delta, dense=True).tolist() == dense


@numbers
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_each_edge_loses_its_least_important_operations_and_no_node_its_last_edge(seed, number):
    rng = np.random.default_rng(seed)
    net = networks_of(NB201).kernel
    while cuts := cuts_of(net, None):
        values = rng.permutation(len(cuts)).tolist()
        gone = pruned_operations(cuts, values, number)
        for edge in net.edges:
            mine = sorted((value, cut) for cut, value in zip(cuts, values, strict=True) if cut.edge == edge)
            count = min(number, len(mine) - 1)
            assert {cut for cut in gone if cut.edge == edge} == {cut for _, cut in mine[:count]}
        for cut in gone:
            net.prune(*cut)
        assert all(net.alive(edge) for edge in net.edges)


def test_the_most_important_edges_of_a_node_are_kept():
    net = networks_of(DARTS).kernel
    for edge in net.edges:
        for name in net.alive(edge)[1:]:
            net.prune(edge, name)
    cuts = cuts_of(net, 2)
    assert len(cuts) == 2 * (3 + 4 + 5)
    values = np.random.default_rng(0).permutation(len(cuts)).tolist()
    kept = kept_edges(cuts, values, 2)
    for cell, target in {(cut.edge.cell, cut.edge.target) for cut in cuts}:
        mine = sorted(
            (v, c) for c, v in zip(cuts, values, strict=True) if (c.edge.cell, c.edge.target) == (cell, target)
        )
        assert {cut for _, cut in mine[-2:]} == {c for c in kept if (c.edge.cell, c.edge.target) == (cell, target)}


def test_changes_are_means_over_repeats_and_rounded_as_released():
    by_repeat = [[Scores(3.0, 9.0), Scores(1.0, 6.0)], [Scores(2.0, 8.0), Scores(3.0, 8.0)]]
    assert changes(by_repeat, rounded=False) == pytest.approx(np.array([[(2 / 3 - 1 / 2) / 2, (1 / 3) / 2]]))
    assert changes(by_repeat, rounded=True).tolist() == [[0.083, 0.167]]


@pytest.mark.parametrize(
    ("whole", "without", "change"),
    [(math.inf, math.inf, 0.0), (math.inf, 5.0, 1.0), (5.0, math.inf, -math.inf), (math.nan, math.nan, 0.0)],
)
def test_a_singular_kernel_is_worse_than_any_other_and_like_another(whole, without, change):
    assert changes([[Scores(whole, 2.0), Scores(without, 2.0)]], rounded=False)[0, 0] == change


def test_patches_are_crops_of_one_channel():
    pictures = torch.arange(2 * 3 * 5 * 4, dtype=torch.float32).reshape(2, 3, 5, 4)
    found = patches(pictures, 500, generator())
    assert found.shape == (500, 1, 3, 3)
    crops = {
        tuple(pictures[i, c, y : y + 3, x : x + 3].flatten().tolist())
        for i in range(2)
        for c in range(3)
        for y in range(3)
        for x in range(2)
    }
    assert {tuple(patch.flatten().tolist()) for patch in found} == crops


def test_examples_come_from_any_loader():
    pictures = torch.randn(10, 3, 4, 4)
    for loader in (DataLoader(TensorDataset(pictures, torch.zeros(10)), 4), DataLoader(pictures, 4), [pictures]):
        assert torch.equal(drawn_from(loader, 7), pictures[:7])
    assert len(drawn_from([pictures], 99)) == 10
    with pytest.raises(UserError, match="no examples"):
        drawn_from([], 5)


def test_event_encoders_are_searched_too():
    architecture = parse("01|1|agc1,g|44,12|00")
    space = EventSequenceSpace(**SHAPE.to_json(), hidden=4)
    net = EventSupernet(SHAPE, space.search_space.validate(architecture), hidden=4, mode="sum")
    search = Recorded(Networks(net), random_batch(space, 6, generator()), repeats=1, prune=3, kernel_examples=2)
    trained(search)
    assert steps_of(search) == [1 + 14, 1 + 8]
    assert len({regions for _, (_, regions) in search.history}) > 1 or search.history[0][1].regions == 2
    assert space.search_space.validate(search.architecture) == search.architecture


def test_tensorboard_shows_scores_what_is_alive_and_the_cells(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path, name=None, version="")
    search = trained(made(repeats=1), logger=logger)
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [event.value for event in events.Scalars("alive/cell_0_1")] == [3, 2, 1]
    kappas = [scores.kappa for number, scores in search.history if number == 0]
    assert events.Scalars("round/kappa")[0].value == pytest.approx(kappas[0], rel=1e-6)
    assert [event.step for event in events.Images("cells")] == [1, 2, 3]


class Deaf(torch.nn.Module):
    def forward(self, x):
        return x


def test_what_cannot_be_scored_is_named():
    flat = torch.ones(8, 3, 6, 6)
    with pytest.raises(UserError, match="all 8 examples of the batch are equal"):
        trained(TENAS(networks_of(NB201), flat))
    with pytest.raises(UserError, match="one example"):
        trained(TENAS(networks_of(NB201), images(count=1)))
    networks = networks_of(NB201)
    for module in list(networks.regions.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.ReLU):
                setattr(module, name, Deaf())
    with pytest.raises(UserError, match="no ReLU"):
        trained(TENAS(networks, images(), **SMALL))
    with pytest.raises(UserError, match=r"the images are \(2, 2\)"):
        trained(TENAS(networks_of(NB201), torch.randn(8, 3, 2, 2), **SMALL))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"repeats": 0}, "repeats is 0; use 1 or more"),
        ({"prune": 0}, "prune is 0; use 1 or more"),
        ({"kernel_examples": 1}, "kernel_examples is 1; use 2 or more"),
        ({"seed": -1}, "seed is -1; use 0 or more"),
    ],
)
def test_numbers_too_small_are_named(options, named):
    with pytest.raises(UserError, match=named):
        made(**options)


def test_supernets_that_do_not_fit_are_named():
    with pytest.raises(UserError, match="mode='sum'"):
        Networks(NasBench201Supernet(ChainMacro(2, 1)))
    with pytest.raises(UserError, match="one space"):
        Networks(networks_of(NB201).kernel, networks_of(DARTS).regions)
    with pytest.raises(UserError, match="Digits has no supernet"):
        networks_of(Digits())


class Pictures:
    """Stands in for an evaluator."""

    def data(self):
        return self

    def train_dataloader(self):
        return DataLoader(images(), 8)


class Host:
    """Hears of rounds; if it is lost, it hears the second one still."""

    def __init__(self, output, lost=False):
        self.output, self.lost, self.told = output, lost, []

    def intermediate(self, metrics):
        assert all(math.isfinite(value) for value in metrics.values())
        self.told.append(dict(metrics))
        if self.lost and len(self.told) == 2:
            raise HostLost

    def final(self, metrics):
        raise AssertionError("a search has no result to be ranked")


def rounds_in(folder):
    """What TensorBoard shows of an edge, and its pictures."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder)).Reload()
    return [event.value for event in found.Scalars("alive/cell_0_1")], [event.step for event in found.Images("cells")]


class TestStrategy:
    options: ClassVar = {"repeats": 1, **SMALL}

    def run(self, directory, seed=0, space=NB201, **options):
        settings = {"seed": seed, "options": {**self.options, **options}}
        return SimpleNamespace(space=space, evaluator=Pictures(), directory=directory, settings=settings)

    def test_what_is_found_comes_first_and_then_random_ones(self, tmp_path):
        options = TeNas.prepare(self.run(tmp_path, seed=2))
        strategy = TeNas(NB201.search_space, seed=2, **json.loads(json.dumps(options)))
        proposals = [strategy.propose() for _ in range(4)]
        expected = TeNasSearch(NB201, images(), **self.options)(2)
        assert [proposal.origin for proposal in proposals] == ["te-nas", "random", "random", "random"]
        assert proposals[0].architecture == expected
        assert len({NB201.genotype(p.architecture) for p in proposals}) == 4

    def test_the_host_hears_of_every_round_and_its_tensorboard_shows_them(self, tmp_path, whole):
        host = Host(tmp_path / "trial")
        options = TeNas.prepare(self.run(tmp_path, repeats=2), host)
        assert NB201.genotype(options["found"]) == NB201.genotype(whole.architecture)
        assert [one["alive"] for one in host.told] == [18, 12, 6]
        assert [one["default"] for one in host.told] == [18 / 24, 12 / 24, 6 / 24]
        for number, one in enumerate(host.told):
            edges = [value for name, value in one.items() if name.startswith("alive/")]
            assert edges == whole.alive[number]
            scores = [scores for place, scores in whole.history if place == number]
            repeats = [scores[0], scores[len(scores) // 2]]
            assert one["kappa"] == pytest.approx(np.mean([each.kappa for each in repeats]))
            assert one["regions"] == np.mean([each.regions for each in repeats])
        for folder in (tmp_path / "te_nas", tmp_path / "trial" / "tensorboard"):
            assert rounds_in(folder) == ([3, 2, 1], [1, 2, 3])

    def test_the_host_of_a_resumed_search_hears_of_the_rounds_before_too(self, tmp_path):
        first, second = Host(tmp_path / "first", lost=True), Host(tmp_path / "second")
        with pytest.raises(HostLost):
            TeNas.prepare(self.run(tmp_path, repeats=3), first)
        assert [one["alive"] for one in first.told] == [18, 12]
        TeNas.prepare(self.run(tmp_path, repeats=3), second)
        assert [one["alive"] for one in second.told] == [18, 12, 6]
        assert second.told[0] == first.told[0]
        for folder in (tmp_path / "te_nas", tmp_path / "second" / "tensorboard"):
            assert set(rounds_in(folder)[0]) == {3, 2, 1}

    def test_what_was_found_is_not_looked_for_again(self, tmp_path):
        run = self.run(tmp_path, found=dict.fromkeys(NB201.search_space.decisions, "nor_conv_3x3"))
        assert TeNas.prepare(run) == run.settings["options"]
        assert not list(tmp_path.iterdir())

    def test_an_interrupted_search_goes_on_from_its_checkpoint(self, tmp_path, monkeypatch, whole):
        calls = []

        def stopping(self, *arguments, **options):
            calls.append(1)
            if len(calls) == 70:
                raise KeyboardInterrupt
            return scored(self, *arguments, **options)

        scored = Scorer.__call__
        monkeypatch.setattr(Scorer, "__call__", stopping)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            TeNas.prepare(self.run(tmp_path, repeats=2))
        calls[:] = [1] * 1000
        monkeypatch.setattr(Scorer, "__call__", lambda self, **o: calls.append(1) or scored(self, **o))
        found = TeNas.prepare(self.run(tmp_path, repeats=2))["found"]
        assert NB201.genotype(found) == NB201.genotype(whole.architecture)
        assert len(calls) - 1000 == 1 + 114 - 50

    def test_without_what_was_found_or_beyond_the_limits_all_are_random(self):
        assert TeNas(NB201.search_space).propose().origin == "random"
        found = dict.fromkeys(NB201.search_space.decisions, "none")
        strategy = TeNas(NB201.search_space, found=found, feasible=lambda a: "none" not in a.values())
        assert strategy.propose().origin == "random"

    def test_a_space_without_a_supernet_is_named_before_the_search(self, tmp_path):
        with pytest.raises(UserError, match="no supernet"):
            TeNas.prepare(self.run(tmp_path, space=Digits()))


class TestNni:
    def evaluator(self, **data):
        quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
        return Classification(num_classes=3, max_epochs=9, enable_checkpointing=False, **quiet, **data)

    def loader(self):
        return TracedLoader(TensorDataset(images(), torch.zeros(40, dtype=torch.long)), batch_size=16)

    def test_it_is_a_one_shot_strategy(self):
        space, search = NasBench201Space(channels=2, cells=1, classes=3, size=6), OneShotTENAS(repeats=1, **SMALL)
        evaluator = self.evaluator(train_dataloaders=self.loader(), val_dataloaders=self.loader())
        search.initialize(RawFormatModelSpace(space, evaluator), SequentialExecutionEngine())
        search.run()
        (model,) = search.list_models()
        assert model.sample == trained(made(repeats=1)).architecture
        assert model.executable_model()(torch.randn(2, 3, 6, 6)).shape == (2, 3)

    def test_what_it_cannot_search_is_named(self):
        with pytest.raises(UserError, match="Linear has no supernet of ours"):
            OneShotTENAS().mutate_model(torch.nn.Linear(1, 1))
        search = OneShotTENAS()
        search.mutate_model(NasBench201Space(size=6))
        with pytest.raises(UserError, match="no examples"):
            search.mutate_evaluator(self.evaluator())


def test_lightning_has_nothing_to_warn_of(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trained(made(repeats=1), logger=TensorBoardLogger(tmp_path), log_every_n_steps=1)
    assert not [str(w.message) for w in caught if "isinstance(treespec" not in str(w.message)]
