"""Recurrent cells in the event-sequence space: what they decide, their genotypes, and that padding never matters."""

from __future__ import annotations

import json

import nni
import numpy as np
import pytest
import torch
from event_examples import SHAPE, close, exact, random_batch, with_rubbish
from hypothesis import given, settings
from hypothesis import strategies as st
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.space import SimplifiedModelSpace
from torch import nn

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.cli import main
from nni_nasplus.networks.export import export_onnx
from nni_nasplus.run.run import Run
from nni_nasplus.spaces.events import EventSequenceNet, EventSequenceSpace
from nni_nasplus.spaces.events.decisions import conditions, decisions
from nni_nasplus.spaces.events.encoder import CellRecurrence
from nni_nasplus.spaces.events.genotype import parse
from nni_nasplus.spaces.recurrent import PRESETS, RecurrentCell

PLAIN = "linear(x,h0) tanh(0) | 1"
CELLS = ["lstm", "DARTS_V2", "relu relu1 identity2 relu1", PLAIN]
WITHOUT_GRU, WITH_GRU = 9, 10
networks = settings(max_examples=60, deadline=None, database=None)


@pytest.fixture(scope="module")
def space() -> EventSequenceSpace:
    return EventSequenceSpace(**SHAPE.to_json(), hidden=8, cells=CELLS)


def random_net(seed: int) -> EventSequenceNet:
    """Two layers of any cells or more, so that what one makes of padding is seen by the next."""
    search_space = SearchSpace(decisions(True, CELLS), conditions(CELLS))
    rng = np.random.default_rng(seed)
    while True:
        architecture = search_space.sample(rng)
        if sum(name.endswith("_cell") for name in architecture) > 1:
            torch.manual_seed(seed)
            return EventSequenceNet(SHAPE, architecture, hidden=8, dropout=0.0)


@pytest.mark.parametrize("cells", [[], ["lstm"], CELLS])
def test_the_number_of_architectures(cells):
    layer = WITHOUT_GRU + WITH_GRU * (1 + len(cells))
    space = EventSequenceSpace(cells=cells).search_space
    assert space.size == (1 + layer + layer**2 + layer**4) * 273 * 96
    assert any(name.endswith("_cell") for name in space.decisions) == bool(cells)


def test_genotypes_go_out_and_in(space):
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        architecture = space.search_space.sample(rng)
        assert space.parse_genotype(space.genotype(architecture)) == architecture
        seen |= {choice for name, choice in architecture.items() if name.endswith("_cell")}
    assert seen == {"gru", *CELLS}


def test_older_genotypes_mean_what_they_meant(space):
    text = "01|1|agc1,g|44,12|00"
    old = EventSequenceSpace(**SHAPE.to_json(), hidden=8)
    assert old.parse_genotype(text) == parse(text)
    assert "encoder_1_cell" not in parse(text)
    assert space.parse_genotype(text) == space.parse_genotype("01|1|agc1{gru},g{gru}|44,12|00")
    assert space.genotype(space.parse_genotype(text)) == text
    nets = []
    for kind in (old, space):
        torch.manual_seed(0)
        nets.append(kind.build(kind.parse_genotype(text)).eval())
    batch = random_batch(SHAPE, 3, 9)
    assert torch.equal(nets[0](batch), nets[1](batch))
    assert nets[0].state_dict().keys() == nets[1].state_dict().keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("01|1|ac1{lstm}||00", "encoder layer 1 is 'ac1{lstm}'"),
        ("01|1|g{}||00", "encoder layer 1 is 'g{}'"),
        ("01|1|g{lstm||00", "encoder layer 1 is 'g{lstm'"),
        ("01|1|g,g{rnn}||00", "'encoder_2_cell' cannot be 'rnn'; allowed: gru, lstm, DARTS_V2"),
    ],
)
def test_a_bad_genotype_is_told_in_one_line(space, text, message):
    with pytest.raises(UserError, match=r"^[^\n]*allowed[^\n]*$") as raised:
        space.parse_genotype(text)
    assert message in str(raised.value)


def test_a_space_without_cells_has_none():
    with pytest.raises(UserError, match="encoder layer 1 names the cell 'lstm'; give the space cells"):
        EventSequenceSpace().parse_genotype("01|1|g{lstm}||00")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["lstn"], "unknown cell 'lstn'"),
        (["gru"], r"'gru' is torch's here.*for the recipe write 'linear\("),
        (["lstm", "lstm"], "the cell 'lstm' is given twice"),
        ([PLAIN, "linear(h0,x) tanh(0) | 1"], r"the cell 'linear\(x,h0\) tanh\(0\) \| 1' is given twice"),
    ],
)
def test_cells_that_cannot_be_are_named(cells, message):
    with pytest.raises(UserError, match=message):
        EventSequenceSpace(cells=cells)


def test_a_published_recipe_goes_by_its_notation():
    space = EventSequenceSpace(**SHAPE.to_json(), cells=[json.dumps(PRESETS["gru"].to_json())])
    notation = PRESETS["gru"].notation
    assert space.search_space.decisions["encoder_1_cell"] == ("gru", notation)
    network = space.build(space.parse_genotype(f"01|1|gc{{{notation}}}||00"))
    recurrence = network.encoder[0].split.ops[0]
    assert isinstance(recurrence, CellRecurrence)
    assert isinstance(recurrence.cell, RecurrentCell)
    assert recurrence.cell.recipe.key == PRESETS["gru"].key


@networks
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 5))
def test_padding_never_changes_a_logit(seed, users, extra):
    net = random_net(seed).double()
    batch = exact(random_batch(SHAPE, users, 9, seed))
    logits = net(batch)
    assert logits.shape == (users, SHAPE.n_classes)
    assert close(net(with_rubbish(batch, extra)), logits)


@networks
@given(st.integers(0, 10**6))
def test_gradients_are_finite_and_reach_every_parameter(seed):
    net = random_net(seed).train()
    batch = with_rubbish(random_batch(SHAPE, 3, 9, seed), 2)
    nn.functional.cross_entropy(net(batch), batch.label).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_a_state_that_grows_beyond_bounds_in_padding_stays_there():
    recurrence = CellRecurrence("linear(x,h0) | 0", 4)
    for parameter in recurrence.parameters():
        nn.init.constant_(parameter, 1.0)
    x, mask = torch.ones(1, 200, 4), torch.arange(200) < 3
    assert not recurrence.cell(x.transpose(0, 1))[0].isfinite().all()
    found = recurrence(x, mask.unsqueeze(0))
    assert close(found[0, :3], recurrence(x[:, :3], mask[None, :3])[0])
    assert not found[0, 3:].any()


def test_nni_freezes_to_what_build_builds(space):
    architecture = space.parse_genotype(f"01|1|agc1{{{PLAIN}}},gc{{lstm}}|44,12|00")
    batch, built = random_batch(SHAPE, 4, 8), space.build(architecture).eval()
    frozen = space.freeze(architecture)
    frozen.net.load_state_dict(built.state_dict())
    assert torch.equal(frozen.eval()(batch), built(batch))
    simplified = SimplifiedModelSpace.from_model(space, FunctionalEvaluator(len))
    full = {**{name: choices[-1] for name, choices in space.search_space.decisions.items()}, **architecture}
    loaded = nni.load(nni.dump(simplified.freeze(full))).executable_model()
    assert loaded.net.state_dict().keys() == built.state_dict().keys()


def test_the_drawing_shows_the_cell(space):
    labels = dict(space.graph(space.parse_genotype(f"01|1|gc{{lstm}},g,g{{{PLAIN}}},g||00")).nodes(data="label"))
    assert [labels[f"encoder_{i}_g"] for i in range(1, 5)] == [
        "recurrent cell lstm",
        "GRU",
        f"recurrent cell {PLAIN}",
        "GRU",
    ]


def test_describe(capsys):
    words = ["--cells", '["lstm"]', "--genotype", "01|1|agc1{lstm}|44,12|00", "--decisions"]
    main(["describe", "--space", "events", *words])
    shown = capsys.readouterr().out
    assert "encoder_1_cell" in shown
    assert "recurrent cell lstm" in shown


def test_a_cell_is_not_exported_with_a_fixed_number_of_events(space, tmp_path):
    pytest.importorskip("onnx")
    network = space.build(space.parse_genotype("01|1|g{lstm}||00"))
    with pytest.raises(UserError, match="ONNX has no loop for a recurrent cell over events"):
        export_onnx(network, space.example(), tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.slow
def test_a_search_of_cells_ends_in_a_network_that_predicts(tmp_path):
    from nasplus_command import asking, nasplus
    from shopping import shopping

    events, labels = shopping()
    events.to_csv(tmp_path / "events.csv", index=False)
    labels.to_parquet(tmp_path / "labels.parquet")
    done = nasplus(*asking(tmp_path, tmp_path / "run", host="optuna", cells="[lstm, 'relu0 tanh1']", epochs=1))
    assert done.returncode == 0, done.stderr
    run = Run.open(tmp_path / "run")
    assert run.space.cells == ["lstm", "relu0 tanh1"]
    assert nasplus("export", run.directory, "--to", tmp_path / "model").returncode == 0
    arguments = ["--events", tmp_path / "events.csv", "--to", tmp_path / "probabilities.csv"]
    assert nasplus("predict", tmp_path / "model", *arguments).returncode == 0
