"""Tables of latencies, and what they predict of networks."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.networks.costs import latency as models
from nni_nasplus.networks.costs.latency import Correction, LatencyModel
from nni_nasplus.networks.costs.parts import Part, named, parts_of
from nni_nasplus.networks.costs.table import LatencyTable
from nni_nasplus.networks.costs.timing import Timing
from nni_nasplus.networks.limits import Limits
from nni_nasplus.spaces.mobile import MobileSpace
from nni_nasplus.spaces.superresolution import SuperResolutionSpace

SPACE = MobileSpace(channels=8, depth=1, size=8, squeeze=False)
ARCHITECTURE = SPACE.parse_genotype("/".join(["mb3_3x3"] * 6))
TIMED = "nni_nasplus.networks.costs.timing.Timing.ms"
OUTSIDE = MobileSpace(channels=8, depth=1, size=16, squeeze=False)


def made(ms=1.0, path="unused", **options):
    """A model of which every part of an architecture takes so many milliseconds."""
    parts = [part for part, _ in parts_of(SPACE.build(ARCHITECTURE), SPACE.example())]
    return LatencyModel(LatencyTable(dict.fromkeys(parts, ms)), Correction(**options), Path(path))


def test_the_parts_of_a_network_are_its_blocks_in_order_and_what_is_around_them():
    parts = [part for part, _ in parts_of(SPACE.build(ARCHITECTURE), SPACE.example())]
    assert [part.operation for part in parts] == ["conv_3x3", "sep_3x3", *["mb3_3x3"] * 6, "conv_1x1", "linear"]
    assert parts[0] == Part("conv_3x3", 3, 8, 8, 8, 8, 8)
    assert parts[-1] == Part("linear", 320, 1, 1, 10, 1, 1)
    for before, after in pairwise(parts[:-1]):
        assert before[4:] == after[1:4]


def test_a_part_that_is_called_twice_counts_twice_and_what_is_in_a_part_not_at_all():
    inner = named(nn.Sequential(named(nn.Linear(3, 3), "inner")), "outer")
    network = nn.Sequential(inner, nn.ReLU(), inner)
    assert [part.operation for part, _ in parts_of(network, torch.zeros(1, 3))] == ["outer", "outer"]


def test_a_latency_is_the_sum_of_its_parts_with_the_correction():
    network = SPACE.build(ARCHITECTURE)
    assert made(2.0).predicted(network, SPACE.example()) == pytest.approx(20.0)
    assert made(2.0, offset=0.5, factor=1.1).predicted(network, SPACE.example()) == pytest.approx(22.5)


@given(st.floats(0.0, 2.0), st.floats(0.5, 2.0), st.integers(0, 100))
def test_a_correction_finds_an_offset_and_a_factor_and_has_no_error_then(offset, factor, seed):
    sums = np.random.default_rng(seed).uniform(1, 5, 20)
    found = Correction.fitted(list(sums), list(offset + factor * sums))
    assert found == pytest.approx((offset, factor, 0, 0), abs=1e-6)


def test_errors_are_those_of_networks_that_were_held_out():
    sums = np.linspace(1, 5, 10)
    measured = np.where(np.arange(10) % 2, 1.25, 1.0) * sums
    assert Correction.fitted(list(sums), list(measured)).error == pytest.approx(0.2)


def test_what_is_not_in_the_table_is_measured_once(monkeypatch):
    measured = []
    monkeypatch.setattr(TIMED, lambda *_: measured.append(1) or 0.25)
    table, network = LatencyTable(timing=Timing()), SPACE.build(ARCHITECTURE)
    assert table.total(network, SPACE.example()) == pytest.approx(2.5)
    assert len(measured) == len(table.rows)
    assert table.total(network, SPACE.example()) == pytest.approx(2.5)
    assert len(measured) == len(table.rows)


def test_the_table_of_another_image_size_is_named():
    network = OUTSIDE.build(ARCHITECTURE)
    with pytest.raises(UserError, match="no row for conv_3x3 of 3×8×8 to 8×8×8"):
        LatencyTable().total(SPACE.build(ARCHITECTURE), SPACE.example())
    with pytest.raises(UserError, match="no row for conv_3x3 of 3×16×16 to 8×16×16; add one, or take"):
        made().predicted(network, OUTSIDE.example())


def test_a_table_is_written_and_read(tmp_path):
    table = LatencyTable({Part("mb3_3x3", 8, 4, 4, 16, 2, 2): 0.125, Part("linear", 8, 1, 1, 3, 1, 1): 1.5})
    table.save(tmp_path / "table.csv")
    assert LatencyTable.read(tmp_path / "table.csv").rows == table.rows
    assert (tmp_path / "table.csv").read_text().splitlines()[1] == "mb3_3x3,8,4,4,16,2,2,0.125"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has other columns"),
        ("op,ms\nconv,1", "has other columns; its first line is: operation,channels_in"),
        ("conv,1,2,3,4,5,6", "line 2 of the latency table"),
        ("conv,1,2,3,4,5,6,nan", "line 2"),
        ("conv,1,2,3,4,5,6.5,1", "line 2"),
    ],
)
def test_what_is_wrong_in_a_table_is_named(text, says, tmp_path):
    heading = "operation,channels_in,height_in,width_in,channels_out,height_out,width_out,ms\n"
    (tmp_path / "table.csv").write_text(heading + text if text.startswith("conv") else text)
    with pytest.raises(UserError, match=says):
        LatencyTable.read(tmp_path / "table.csv")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        LatencyTable.read(tmp_path / "none.csv")


def test_a_limit_is_kept_by_what_is_predicted_and_measured_only_where_that_may_be_wrong(monkeypatch, tmp_path):
    measured = []
    monkeypatch.setattr(TIMED, lambda *_: measured.append(1) or 11.0)
    limits, sure = Limits(max_latency_ms=10.5), made(1.0, spread=0.01)
    assert limits.excess(SPACE, ARCHITECTURE, sure) is None
    assert not measured
    assert Limits(max_latency_ms=9.0).excess(SPACE, ARCHITECTURE, sure) == "latency_ms 10 is more than the limit 9"
    assert not measured
    for _ in range(2):
        unsure = made(1.0, tmp_path / "latency.csv", spread=0.1)
        assert limits.excess(SPACE, ARCHITECTURE, unsure) == "latency_ms 11 is more than the limit 10.5"
        assert measured == [1]


def test_a_model_is_kept_and_found_again(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "_FITTED", 2)
    monkeypatch.setattr(models, "_HELD_OUT", 2)
    first = LatencyModel.of(SPACE, tmp_path / "latency.csv")
    again = LatencyModel.of(SPACE, tmp_path / "latency.csv")
    assert again.correction == first.correction
    assert again.table.rows == pytest.approx(first.table.rows, rel=1e-5)
    assert "held out differ by" in first.note
    given = LatencyModel.of(SPACE, tmp_path / "other.csv", tmp_path / "latency.csv")
    assert given.note.endswith("rows in other.csv, as given")
    with pytest.raises(UserError, match="no row for"):
        LatencyModel.of(OUTSIDE, tmp_path / "third.csv", tmp_path / "latency.csv")


def test_networks_without_named_parts_have_no_model(tmp_path):
    space = SuperResolutionSpace(channels=2)
    assert LatencyModel.of(space, tmp_path / "latency.csv") is None
    with pytest.raises(UserError, match="networks of SuperResolutionSpace have no parts"):
        LatencyModel.of(space, tmp_path / "latency.csv", tmp_path / "given.csv")


@pytest.mark.parametrize("options", [{}, {"threads": 2}, {"runtime": "onnxruntime"}])
def test_a_network_is_measured_by_any_runtime_and_left_as_it_was(options):
    network, threads = SPACE.build(ARCHITECTURE).train(), torch.get_num_threads()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert Timing(**options).ms(network, SPACE.example(), 2) > 0
    assert network.training
    assert torch.get_num_threads() == threads
    assert all(torch.equal(network.state_dict()[name], value) for name, value in before.items())


class _Fields(NamedTuple):
    read: torch.Tensor
    left_out: torch.Tensor


class _ReadsOne(nn.Module):
    def forward(self, fields: _Fields) -> torch.Tensor:
        return fields.read + 1


def test_onnxruntime_measures_a_network_that_does_not_read_all_it_is_given():
    assert Timing(runtime="onnxruntime").ms(_ReadsOne(), _Fields(torch.ones(1, 2), torch.ones(1, 2)), 2) > 0


@pytest.mark.parametrize(
    ("options", "says"),
    [({"threads": 0}, "--latency-threads is 0; use 1 or more"), ({"runtime": "jax"}, "use torch or onnxruntime")],
)
def test_what_cannot_measure_is_named(options, says):
    with pytest.raises(UserError, match=says):
        Timing(**options)
