"""TE-NAS of event sequences: scores, and searches to the end."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from event_examples import random_batch, with_rubbish
from shopping import COLUMNS, shopping
from te_nas_events import CASES, SHAPE, space_of
from te_nas_searches import generator

from nni_nasplus import UserError
from nni_nasplus.cli import main
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.proxies import linear_regions, patterns
from nni_nasplus.run.presearch import presearch
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.strategies.te_nas import TENAS, networks_of
from nni_nasplus.strategies.te_nas.batches import chosen, windows
from nni_nasplus.strategies.te_nas.initialisation import initialise
from nni_nasplus.strategies.te_nas.scoring import Scorer, Scoring

SMALL = {"repeats": 1, "kernel_examples": 4, "region_examples": 40}
LIGHTNING = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def searched(space, examples, fixed=None, **options):
    search = TENAS(networks_of(space, **(fixed or {})), examples, **{**SMALL, **options})
    pl.Trainer(max_epochs=-1, enable_checkpointing=False, **LIGHTNING).fit(search)
    return search


def test_padding_changes_no_score():
    space, batch = space_of(), random_batch(SHAPE, 30, 9)
    scores = []
    for examples in (batch, with_rubbish(batch, 5)):
        scorer = Scorer(networks_of(space), examples, Scoring(0, 6, 50, "fixed", False))
        scorer.begin(0, 0)
        scores.append(scorer())
    assert scores[0] == pytest.approx(scores[1], rel=1e-9)


def test_regions_are_counted_of_sixty_units_that_every_op_moves():
    """4 layers of 4 units and a head of 4, each for 3 events."""
    networks = networks_of(space_of())
    thin = networks.regions
    initialise(thin, generator(), kaiming=True)
    crops = windows(random_batch(SHAPE, 200, 9), 1000, generator())
    assert sum(signs.shape[1] for signs in patterns(thin, crops)) == 4 * 3 * 4 + 3 * 4
    whole = linear_regions(thin, crops)
    assert 50 < whole < 1000
    for op in thin.operations:
        with networks.kernel.without(thin.edges[0], op):
            assert linear_regions(thin, crops) != whole
    for name in thin.operations[1:]:
        for edge in thin.edges:
            networks.kernel.prune(edge, name)
    assert linear_regions(thin, crops, strict=True) > 1


@pytest.mark.parametrize("case", CASES)
def test_it_searches_to_the_end(case):
    shape, fixed = CASES[case]
    space = space_of(shape)
    search = searched(space, random_batch(shape, 30, 9), fixed)
    assert search.round == 2
    assert [len(search.kernel.alive(edge)) for edge in search.kernel.edges] == [1] * fixed["encoder_layers"]
    architecture = search.architecture
    assert space.search_space.validate(architecture) == architecture
    assert all(architecture[name] == value for name, value in fixed.items() if name != "heads")
    assert space.build(architecture)(random_batch(shape, 3, 5)).shape == (3, shape.n_classes)


@pytest.mark.system
def test_an_edge_has_seven_ops_then_four_then_one_and_scores_are_in_range(monkeypatch):
    """As in DARTS, whose edges have as many."""
    scores, scored = [], Scorer.__call__
    monkeypatch.setattr(Scorer, "__call__", lambda self, **o: scores.append(scored(self, **o)) or scores[-1])
    search = searched(space_of(), random_batch(SHAPE, 30, 9))
    assert search.round == 2
    assert len(scores) == 1 + (1 + 4 * 7) + (1 + 4 * 4)
    assert all(1 <= kappa < math.inf and 1 <= regions <= 40 for kappa, regions in scores)


@pytest.mark.parametrize("case", ["no columns", "a decoder"])
def test_equal_seeds_give_equal_scores_whatever_torch_drew_before(case):
    """The vectors that no module of torch's draws are drawn from the seed as well."""
    shape, fixed = CASES[case]
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        scorer = Scorer(
            networks_of(space_of(shape), **fixed), random_batch(shape, 30, 9), Scoring(0, 4, 40, "fixed", False)
        )
        scorer.begin(0, 0)
        found.append(scorer())
    assert found[0] == found[1]


def test_with_cells_what_is_found_has_the_gru():
    space = space_of(cells=["lstm"])
    net = networks_of(space, encoder_layers=2).kernel
    for edge in net.edges:
        for name in set(net.operations) - {"g"}:
            net.prune(edge, name)
    architecture = space.search_space.validate(net.derive())
    assert architecture == net.derive()
    assert [architecture[f"encoder_{i}_cell"] for i in (1, 2)] == ["gru", "gru"]
    assert space.genotype(architecture).split("|")[2] == "g,g"


def test_options_are_those_of_the_supernet():
    networks = networks_of(space_of(), encoder_layers=1, heads=2)
    assert len(networks.kernel.edges) == len(networks.regions.edges) == 1
    assert networks.kernel.heads == networks.regions.heads == 2
    with pytest.raises(UserError, match="the supernet of NasBench201Space has no heads; leave it out"):
        networks_of(NasBench201Space(size=6), heads=2)


def test_equal_examples_are_refused():
    events = chosen(random_batch(SHAPE, 4, 9), torch.zeros(8, dtype=torch.long))
    with pytest.raises(UserError, match="all 8 examples of the batch are equal"):
        searched(space_of(), events)


@pytest.mark.system
def test_the_strategy_searches_prepared_data(cache, tmp_path):
    data = EventDataModule(cache, batch_size=8)
    space = space_of(data.shape)
    run = Run(tmp_path, Settings(strategy="tenas", strategy_options={**SMALL, "prune": 6}, seed=2))
    run.__dict__.update(space=space, evaluator=SimpleNamespace(data=lambda: data))
    presearch(run)
    search = run.open_search()
    first = search.ask()
    assert set(first.architecture.items()) >= {("encoder_layers", 4), ("decoder_layers", 0), ("pooling", "mean")}
    assert first.architecture == run.ranking(space.search_space).architectures[0]
    assert [first.origin, search.ask().origin] == ["presearch", "random"]


@pytest.mark.slow
def test_the_command_trains_what_it_found_first(tmp_path):
    events, labels = shopping(60)
    events.to_csv(tmp_path / "events.csv", index=False)
    labels.to_csv(tmp_path / "labels.csv", index=False)
    columns = [f"--{name}={column}" for name, column in COLUMNS.items()]
    tables = ["--events", str(tmp_path / "events.csv"), "--labels", str(tmp_path / "labels.csv")]
    options = [f"--strategy_options.{name}={value}" for name, value in SMALL.items()]
    short = ["--trials=2", "--epochs=1", "--hidden=4", "--concurrency=1", "--host=optuna", "--strategy=tenas"]
    main(["search", *tables, *columns, *short, *options, "--out", str(tmp_path / "run")])
    run = Run.open(tmp_path / "run")
    trials = run.history().trials
    assert trials[0].architecture == run.ranking(run.space.search_space).architectures[0]
    assert [trial.origin for trial in trials] == ["presearch", "random"]
