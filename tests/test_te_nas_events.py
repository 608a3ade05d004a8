"""TE-NAS of event sequences: kernels by one example at a time, windows, padding, and searches to the end."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shopping import COLUMNS, shopping
from test_event_space import exact, random_batch, with_rubbish
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.cli import main
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.data.events.batch import EventShape
from nni_nasplus.proxies import condition_number, linear_regions, patterns
from nni_nasplus.proxies.examples import one
from nni_nasplus.run.run import Run
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.strategies.te_nas import TENAS, TeNas, drawn_from, networks_of
from nni_nasplus.strategies.te_nas.batches import chosen, distinct, recent, windows
from nni_nasplus.strategies.te_nas.initialisation import initialise
from nni_nasplus.strategies.te_nas.kernel import ExampleGradients
from nni_nasplus.strategies.te_nas.prepared import Prepared
from nni_nasplus.strategies.te_nas.scoring import Scorer, Scoring
from nni_nasplus.strategies.te_nas.unfolded import UnfoldedGRU

SHAPE = EventShape((7, 4), n_numeric=2, n_classes=3, max_length=9, periods=(1.0, 0.1))
DECODER = {"decoder_layers": 2, "decoder_1_cross_heads": 4, "decoder_2_self_heads": 2, "pooling": "mixed"}
CASES = {
    "both kinds of columns": (SHAPE, {"encoder_layers": 2}),
    "categories": (EventShape((7, 4), 0, 2, 9, ()), {"encoder_layers": 1}),
    "numbers": (EventShape((), 2, 2, 9, (1.0,)), {"encoder_layers": 1, "stem_kernel": "long"}),
    "no columns": (EventShape((), 0, 2, 9, (1.0,)), {"encoder_layers": 1, "pooling": "max"}),
    "a decoder": (SHAPE, {"encoder_layers": 1, "heads": 2, **DECODER}),
}
SMALL = {"repeats": 1, "kernel_examples": 4, "region_examples": 40}
LIGHTNING = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def space_of(shape=SHAPE, hidden=4, **options):
    return EventSequenceSpace(**shape.to_json(), hidden=hidden, **options)


def searched(space, examples, fixed=None, **options):
    search = TENAS(networks_of(space, **(fixed or {})), examples, **{**SMALL, **options})
    pl.Trainer(max_epochs=-1, enable_checkpointing=False, **LIGHTNING).fit(search)
    return search


def alone(network, batch):
    """J, one example at a time: backwards through that example alone, of running statistics."""
    named = [(name, weight) for name, weight in network.named_parameters() if "weight" in name]
    rows = []
    for i in range(len(batch.mask)):
        network.zero_grad()
        network(one(batch, i)).sum().backward()
        rows.append(torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for _, w in named]))
    return torch.stack(rows)


@pytest.mark.parametrize("cut", [None, "a", "agc"])
@pytest.mark.parametrize("case", CASES)
def test_the_kernel_is_that_of_one_example_at_a_time(case, cut):
    shape, fixed = CASES[case]
    net = networks_of(space_of(shape), **fixed).kernel.double()
    batch = exact(random_batch(shape, 6, 9, seed=1))
    if cut:
        net.prune(net.edges[-1], cut)
    assert ExampleGradients.covers(net)
    prepared = Prepared(net, double=True)
    gradients = ExampleGradients(prepared)
    kernel = gradients.kernel(batch)
    for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm1d)):
        norm.load_state_dict(prepared.supernet.net.stem.numeric.norm.state_dict())
    expected = alone(net.eval(), batch)
    torch.testing.assert_close(kernel, expected @ expected.T, rtol=1e-9, atol=1e-12)
    found = gradients(batch)
    torch.testing.assert_close(found @ found.T, kernel, rtol=1e-9, atol=1e-12)
    assert (expected != 0).any(0).sum() <= found.shape[1]
    kappa = condition_number(expected)
    assert 1 <= kappa < math.inf
    assert condition_number(found) == pytest.approx(kappa, rel=1e-6)


@settings(max_examples=20, deadline=None, database=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.integers(0, 99))
def test_an_unfolded_gru_is_the_gru_and_knows_the_gradients_of_examples(users, length, width, states, seed):
    torch.manual_seed(seed)
    gru = nn.GRU(width, states, batch_first=True).double()
    x = torch.randn(users, length, width, dtype=torch.double)
    by = torch.randn(users, length, states, dtype=torch.double)
    unfolded = UnfoldedGRU(gru)
    output, last = unfolded(x)
    torch.testing.assert_close((output, last), gru(x), rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad((output * by).sum(), unfolded.gates)
    inputs, hidden = unfolded.gradients(x, gradient)
    for i in range(users):
        gru.zero_grad()
        (gru(x[i : i + 1])[0] * by[i]).sum().backward()
        torch.testing.assert_close(inputs[i].T @ x[i], gru.weight_ih_l0.grad, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(hidden[i].T @ unfolded.previous[i], gru.weight_hh_l0.grad, rtol=1e-9, atol=1e-12)


def test_recurrences_that_are_not_unfolded_are_left_to_the_plain_loop():
    assert ExampleGradients.covers(nn.GRU(2, 2, batch_first=True))
    others = [{}, {"num_layers": 2}, {"bidirectional": True}]
    assert not any(ExampleGradients.covers(nn.GRU(2, 2, **{"batch_first": bool(o), **o})) for o in others)
    assert not ExampleGradients.covers(nn.LSTM(2, 2, batch_first=True))


def test_padding_changes_no_score():
    space, batch = space_of(), random_batch(SHAPE, 30, 9)
    scores = []
    for examples in (batch, with_rubbish(batch, 5)):
        scorer = Scorer(networks_of(space), examples, Scoring(0, 6, 50, "fixed", False))
        scorer.begin(0, 0)
        scores.append(scorer())
    assert scores[0] == pytest.approx(scores[1], rel=1e-9)


def test_equal_users_are_given_once():
    events = random_batch(SHAPE, 9, 9)
    twice = chosen(events, torch.tensor([3, 1, 3, 4, 1, 8]))._replace(label=torch.arange(6), row=torch.arange(6))
    assert distinct(with_rubbish(twice, 2)).tolist() == [0, 1, 3, 5]
    networks = networks_of(space_of())
    scorer = Scorer(networks, chosen(events, torch.arange(200) % 9), Scoring(0, 32, 50, "fixed", False))
    scorer.begin(0, 0)
    assert len(scorer._batch.mask) == 9
    assert scorer().kappa < math.inf


def test_batches_of_other_lengths_are_joined():
    events = exact(random_batch(SHAPE, 20, 9, seed=3))
    order = events.mask.sum(1).argsort()
    batches = [chosen(events, order[start : start + 5]) for start in range(0, 20, 5)]
    assert len({batch.mask.shape[1] for batch in batches}) > 1
    joined = drawn_from(batches, 18)
    assert joined.mask.sum(1).tolist() == events.mask.sum(1)[order][:18].tolist()
    assert joined.row.tolist() == order[:18].tolist()
    network = space_of().build(space_of().parse_genotype("01|1|agc1|44|02")).double().eval()
    torch.testing.assert_close(network(joined), network(events)[order[:18]])


def test_the_most_recent_events_are_taken():
    events = random_batch(SHAPE, 20, 9, seed=3)
    kept = recent(with_rubbish(events, 3), 4)
    assert kept.mask.shape == (20, 4)
    assert (kept.gap[:, 0] == 0).all()
    for i, length in enumerate(events.mask.sum(1).tolist()):
        number = min(4, length)
        assert kept.mask[i].sum() == number
        for name in ("categorical", "numeric", "time"):
            whole, part = getattr(events, name)[i, :length], getattr(kept, name)[i, :number]
            assert torch.equal(whole[-number:], part)
    assert recent(events, 99).mask.sum() == events.mask.sum()
    assert networks_of(space_of()).recent == 64


@settings(max_examples=20, deadline=None, database=None)
@given(
    st.lists(st.integers(1, 6), max_size=1),
    st.integers(0, 2),
    st.integers(1, 7),
    st.integers(0, 99),
)
def test_windows_are_events_in_a_row_and_one_column(cardinalities, numeric, length, seed):
    shape = EventShape(tuple(cardinalities), numeric, 2, 9, ())
    events = random_batch(shape, 8, length, seed)._replace(row=torch.arange(8))
    found = windows(with_rubbish(events, 2), 60, generator(seed))
    lengths = events.mask.sum(1)
    width = min(3, int(lengths.max()))
    assert found.mask.shape == (60, width)
    assert found.mask.all()
    assert (lengths[found.row] >= width).all()
    assert set(found.row.tolist()) == set(torch.nonzero(lengths >= width).flatten().tolist())
    assert found.categorical.shape == (60, width, 0)
    numbers: dict[int, float] = {}
    for window in range(60):
        user = int(found.row[window])
        start = next(
            s for s in range(length - width + 1) if torch.equal(events.time[user, s : s + width], found.time[window])
        )
        values = found.numeric[window, :, 0]
        at = slice(start, start + width)
        if not cardinalities and not numeric:
            assert (values == 0).all()
        elif not any(torch.equal(events.numeric[user, at, j], values) for j in range(numeric)):
            assert consistent(numbers, events.categorical[user, at, 0], values)


def consistent(numbers, codes, values):
    """Whether equal codes have equal numbers, here and before."""
    pairs = zip(codes.tolist(), values.tolist(), strict=True)
    return all(numbers.setdefault(code, value) == value for code, value in pairs)


def test_each_column_has_its_windows():
    shape = EventShape((1, 1), 1, 2, 9, ())
    found = windows(random_batch(shape, 50, 9), 300, generator()).numeric[:, :, 0]
    alike = [tuple(row) for row in found.tolist() if len(set(row)) == 1]
    assert len(set(alike)) == 2
    assert 150 < len(alike) < 250


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


def test_the_strategy_searches_prepared_data(cache, tmp_path):
    data = EventDataModule(cache, batch_size=8)
    space = space_of(data.shape)
    options = {"seed": 2, "options": {**SMALL, "prune": 6}}
    evaluator = SimpleNamespace(data=lambda: data)
    run = SimpleNamespace(space=space, evaluator=evaluator, directory=tmp_path, settings=options)
    found = TeNas.prepare(run)
    assert set(found["found"].items()) >= {("encoder_layers", 4), ("decoder_layers", 0), ("pooling", "mean")}
    strategy = TeNas(space.search_space, seed=2, **json.loads(json.dumps(found)))
    assert strategy.propose() == (found["found"], "te-nas")
    assert strategy.propose().origin == "random"


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
    found = run.settings["options"]["found"]
    assert run.archive().trials[0].architecture == run.space.search_space.validate(found)
    assert [trial.origin for trial in run.archive().trials] == ["te-nas", "random"]
