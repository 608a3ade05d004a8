"""The recurrent cell of DARTS: counts, equality with the formula, genotypes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nni_nasplus import UserError
from nni_nasplus.cli import main
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.recurrent import DartsRecurrentCell, DartsRecurrentSpace

FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "identity": lambda value: value}


@pytest.fixture(scope="module")
def space() -> DartsRecurrentSpace:
    return DartsRecurrentSpace(vocabulary=50, hidden=6)


def test_the_number_of_cells(space):
    assert space.search_space.size == 2_642_411_520


@pytest.mark.parametrize(("hidden", "parameters"), [(850, 22_960_000), (700, 16_810_000), (300, 4_810_000)])
def test_parameters_are_the_published_ones(hidden, parameters, capsys):
    with torch.device("meta"):
        space = DartsRecurrentSpace(hidden=hidden)
        network = space.build(space.parse_genotype("DARTS_V2"))
    assert count_parameters(network) == parameters
    assert count_parameters(network.layers) == 20 * hidden**2


def test_more_layers_have_weights_of_their_own():
    with torch.device("meta"):
        space = DartsRecurrentSpace(hidden=30, layers=3)
        network = space.build(space.parse_genotype("DARTS_V1"))
    assert count_parameters(network) == 3 * 20 * 30**2 + 10_000 * 31


def test_describe(capsys, tmp_path):
    words = ["--space", "darts-rnn", "--genotype", "DARTS_V2", "--hidden", "850", "--to", str(tmp_path / "cell.svg")]
    main(["describe", *words])
    assert "parameters: 22,960,000" in capsys.readouterr().out
    assert (tmp_path / "cell.svg").stat().st_size > 1000
    with pytest.raises(SystemExit):
        main(["describe", "--space", "darts-rnn", "--genotype", "relu0 magic1"])
    assert "'relu0 magic1' is no genotype" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_it_computes_the_formula(space, dtype):
    steps = [(op, int(source)) for op, source in [("sigmoid", 0), ("relu", 1), ("tanh", 0), ("identity", 2)]]
    torch.manual_seed(0)
    cell, x = DartsRecurrentCell(steps, 4, 6).to(dtype), torch.randn(5, 3, 4, dtype=dtype)
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    hidden, expected = torch.zeros(3, 6, dtype=dtype), []
    for step in x:
        gate, value = (step @ cell.weight_x.T + hidden @ cell.weights[0].T).chunk(2, 1)
        nodes = [hidden + gate.sigmoid() * (value.tanh() - hidden)]
        for (operation, source), weight in zip(steps, cell.weights[1:], strict=True):
            gate, value = (nodes[source] @ weight.T).chunk(2, 1)
            nodes.append(nodes[source] + gate.sigmoid() * (FUNCTIONS[operation](value) - nodes[source]))
        hidden = sum(nodes[1:]) / 4
        expected.append(hidden)
    theirs = torch.autograd.grad(torch.stack(expected).square().sum(), list(cell.parameters()))
    found, (last,) = cell(x)
    ours = torch.autograd.grad(found.square().sum(), list(cell.parameters()))
    tolerance = {"rtol": 1e-3, "atol": 1e-4} if dtype == torch.float32 else {}
    torch.testing.assert_close(found, torch.stack(expected), **tolerance)
    torch.testing.assert_close(last, expected[-1], **tolerance)
    torch.testing.assert_close(ours, theirs, **tolerance)


def test_genotypes_go_out_and_in(space):
    rng = np.random.default_rng(0)
    for _ in range(50):
        architecture = space.search_space.sample(rng)
        assert space.parse_genotype(space.genotype(architecture)) == architecture
    v1 = space.genotype(space.parse_genotype("DARTS_V1"))
    assert v1 == "relu0 relu1 tanh2 relu3 relu4 identity1 relu5 relu1"


@pytest.mark.parametrize("text", ["", "relu0", "relu0 " * 9, "relu0 relu2 tanh2 relu3 relu4 identity1 relu5 relu1"])
def test_what_is_no_genotype_is_named(space, text):
    with pytest.raises(UserError, match=r"is no genotype|decision 'from2' cannot be 2; allowed: 0, 1"):
        space.parse_genotype(text)


def test_a_text_can_be_read_in_pieces(space):
    torch.manual_seed(0)
    network, tokens = space.build(space.parse_genotype("DARTS_V1")).eval(), torch.randint(50, (8, 3))
    whole, _ = network(tokens)
    first, states = network(tokens[:5])
    second, _ = network(tokens[5:], states)
    assert whole.shape == (8, 3, 50)
    torch.testing.assert_close(torch.cat([first, second]), whole)


def test_a_table_of_events_is_refused(tmp_path, capsys):
    (tmp_path / "e.csv").write_text("u,t,x\n1,1,a\n")
    (tmp_path / "l.csv").write_text("u,y\n1,1\n")
    tables = [f"--events={tmp_path / 'e.csv'}", f"--labels={tmp_path / 'l.csv'}"]
    words = [*tables, "--id", "u", "--time", "t", "--target", "y"]
    with pytest.raises(SystemExit):
        main(["search", *words, "--space", "darts-rnn", "--out", str(tmp_path / "run")])
    assert "space 'darts-rnn' is not for tables of events" in capsys.readouterr().err
