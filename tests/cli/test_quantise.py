"""``nasplus quantise``: what it leaves, and what it refuses."""

from __future__ import annotations

import csv
import shutil

import onnx
import pandas as pd
import pytest
import torch
from finished_runs import searched, searched_digits
from nasplus_command import refused
from rich.status import Status
from safetensors.torch import load_file
from shopping import shopping

from nni_nasplus import UserError
from nni_nasplus.cli import main
from nni_nasplus.run.model import Model
from nni_nasplus.spaces.superresolution import SuperResolutionSpace
from nni_nasplus.tail.quantised import Quantising

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return searched_digits(tmp_path_factory.mktemp("quantise") / "run").directory


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--bits", "0,4"], "bits is 0; use whole numbers from 1 to 8, or 32 for floats"),
        (["--bits=-4"], "bits is -4; use whole numbers from 1 to 8, or 32 for floats"),
        (["--bits", "9"], "bits is 9; use whole numbers from 1 to 8, or 32 for floats"),
        (["--bits", "4.5"], "--bits has '4.5'; use whole numbers from 1 to 8"),
        (["--bits", "few"], "--bits has 'few'; use whole numbers from 1 to 8"),
        (["--bits", ","], "no bits are given; name some, such as 4,8"),
        (["--epochs", "0"], "--epochs is 0; use 1 or more"),
        (["--minutes", "0"], "--minutes is 0; use more than 0"),
        (["--cost=-1"], "--cost is -1.0; use 0 or more"),
        ([], "nowhere is no search and no exported network; name what was given to --out, or to --to of"),
    ],
)
def test_what_cannot_be_is_one_line(options, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, "quantise", "nowhere", "--to", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_a_directory_that_has_something_is_left_alone(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("mine")
    assert "is not empty; name a new directory with --to" in refused(capsys, "quantise", "run", "--to", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_an_exported_network_needs_the_examples_of_its_search(digits, tmp_path, capsys):
    main(["export", str(digits), "--to", str(tmp_path / "model")])
    capsys.readouterr()
    arguments = ["quantise", tmp_path / "model", "--to", tmp_path / "out"]
    assert "without examples to learn from; name its search with --run" in refused(capsys, *arguments)
    assert "--run has no effect on" in refused(capsys, "quantise", digits, *arguments[2:], "--run", digits)


def test_a_found_classifier_of_images_gets_bits_for_each_layer(digits, tmp_path, capsys):
    out = tmp_path / "out"
    main(["quantise", str(digits), "--bits", "2,8", "--epochs", "1", "--to", str(out), "--onnx"])
    printed = capsys.readouterr().out
    for name in ("float", "8 bits", "2 bits", "mixed", "classifier"):
        assert name in printed
    with (out / "bits.csv").open() as file:
        rows = list(csv.DictReader(file))
    (member,) = Model.load(out).members
    bits = member.built.bits_of(member.architecture)
    assert {row["layer"]: (int(row["weights"]), int(row["inputs"])) for row in rows} == bits
    assert {number for pair in bits.values() for number in pair} <= {2, 8}
    kinds = {node.op_type for node in onnx.load(out / "model.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    assert (out / "bits.svg").read_text().startswith("<?xml")


class Killed(Exception):
    """Stands in for the end of a process, of which nothing in it hears."""


def quantised(digits, out, monkeypatch, after=None):
    """Bits for the digits without time for the same everywhere; killed as that is noted which has a number, from 0."""
    told = []

    def note(self, what):
        told.append(what)
        if len(told) - 1 == after:
            raise Killed

    monkeypatch.setattr(Status, "update", note)
    command = ["quantise", str(digits), "--bits", "2,8", "--epochs", "2", "--minutes", "1e-4", "--to", str(out)]
    if after is None:
        main(command)
    else:
        with pytest.raises(Killed):
            main(command)
    return told


def test_what_was_killed_goes_on_and_ends_alike(digits, tmp_path, capsys, monkeypatch):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    told = quantised(digits, whole, monkeypatch)
    assert "no time was left for 8 bits, 2 bits everywhere" in " ".join(capsys.readouterr().out.split())
    assert [what.rpartition(":")[0] for what in told[1:4]] == ["searching the bits of each layer"] * 3
    unfinished = tmp_path / "killed.unfinished"
    for place in (3, 6):  # in the search, and in the second epoch of the training
        quantised(digits, killed, monkeypatch, after=place)
        assert unfinished.exists() and not killed.exists()
    refusal = refused(capsys, "quantise", digits, "--bits", "4,8", "--epochs", "2", "--to", killed)
    assert f"{unfinished} was begun with --bits 2,8; do so again, remove it, or name another --to" in refusal
    assert len(quantised(digits, killed, monkeypatch)) < len(told)
    assert not unfinished.exists()
    one, other = (load_file(out / "model.safetensors") for out in (whole, killed))
    assert all(torch.equal(weights, other[name]) for name, weights in one.items())
    assert (whole / "bits.csv").read_text() == (killed / "bits.csv").read_text()


def test_a_network_whose_layers_have_few_bits_already_is_refused(tmp_path):
    space = SuperResolutionSpace(channels=4, blocks=1, bits=[2])
    chosen = {"block_1": "conv3x3@2"}
    with pytest.raises(UserError, match="layers of the network have few bits already; name one that is float"):
        Quantising(None, space, chosen, space.build(chosen), tmp_path, None).bits([4])


@pytest.mark.system
def test_a_found_classifier_of_events_gets_bits_and_scores_new_events(tmp_path, capsys):
    run = searched(tmp_path / "run").directory
    main(["export", str(run), "--single", "--to", str(tmp_path / "model")])
    out, tables = tmp_path / "out", tmp_path / "events.csv"
    main(["quantise", str(tmp_path / "model"), "--run", str(run), "--bits", "4,8", "--to", str(out)])
    shopping()[0].to_csv(tables, index=False)
    main(["predict", str(out), "--events", str(tables), "--to", str(tmp_path / "answers.csv")])
    answers = pd.read_csv(tmp_path / "answers.csv")
    assert list(answers.columns[:1]) == ["user"]
    assert len(answers) == shopping()[0].user.nunique()
    shutil.rmtree(out)
