"""``nasplus describe``: an architecture in words and as a picture."""

from __future__ import annotations

import json
import re

import pytest
from places import ROOT

from nni_nasplus.cli import main
from nni_nasplus.spaces.images import DartsSpace


def test_describe_prints_decisions_parameters_operations_and_draws(capsys, tmp_path):
    picture = tmp_path / "a.svg"
    words = ["--genotype", "01|1|agc1|44,12|00", "--max-length=20", "--decisions", "--to", str(picture)]
    main(["describe", "--space", "events", *words])
    printed = capsys.readouterr().out
    assert "encoder_1_op" in printed
    assert re.search(r"parameters: [\d,]+\n", printed)
    assert re.search(r"FLOPs, one example: [\d,]+\n", printed)
    assert "attention, 1 head  |  GRU  |  convolution of 3" in printed
    assert "cross-attention" in picture.read_text()


def test_describe_writes_the_example_search_space(capsys):
    main(["describe", "--space", "events", "--nni"])
    example = ROOT / "examples" / "events" / "search_space.json"
    assert json.loads(capsys.readouterr().out) == json.loads(example.read_text())


def test_describe_writes_the_notation_and_the_decisions_only_if_asked(capsys):
    words = [
        "describe",
        "--space",
        "rnn",
        "--genotype",
        "rnn",
        "--vocabulary",
        "9",
        "--embedding",
        "4",
        "--hidden",
        "4",
    ]
    for asked in (False, True):
        main([*words, *["--decisions"] * asked])
        printed = capsys.readouterr().out
        assert printed.startswith("genotype: linear(x,h0) tanh(0) | 1\n")
        assert ("in0_1" in printed) == asked


def test_describe_keeps_a_long_notation_on_one_line(capsys):
    main(["describe", "--space", "darts", "--genotype", "DARTS_V2", "--channels", "1", "--layers", "3", "--size", "4"])
    first = capsys.readouterr().out.splitlines()[0]
    space = DartsSpace(channels=1, layers=3, size=4)
    assert space.parse_genotype(first.removeprefix("genotype: ")) == space.parse_genotype("DARTS_V2")


def test_describe_says_in_one_line_that_a_picture_cannot_be_written(capsys):
    sizes = ["--channels", "1", "--layers", "3", "--size", "4"]
    with pytest.raises(SystemExit, match="2"):
        main(["describe", "--space", "darts", "--genotype", "DARTS_V2", *sizes, "--to", f"{__file__}/a.svg"])
    assert "a.svg cannot be written (File exists); name another place\n" in capsys.readouterr().err
