"""``nasplus describe``: an architecture in words and as a picture."""

from __future__ import annotations

import json
import re

import pytest
from finished_runs import searched
from nasplus_command import refused
from places import ROOT
from quick_tails import QUICK

from nni_nasplus.cli import main
from nni_nasplus.spaces.images import DartsSpace


@pytest.fixture(scope="module")
def shopping_run(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("described") / "run", trials=2, **QUICK)


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


def test_what_a_run_found_is_described_at_its_sizes(shopping_run, capsys, tmp_path):
    best = shopping_run.history().best[0]
    for trial in (best, shopping_run.history().trials[1]):
        asked = [] if trial is best else ["--trial", str(trial.number)]
        main(["describe", "--run", str(shopping_run.directory), *asked, "--to", str(tmp_path / "a.svg")])
        printed = capsys.readouterr().out
        assert printed.startswith(f"genotype: {shopping_run.space.genotype(trial.architecture)}\n")
        assert f"parameters: {trial.metrics['parameters']:,.0f}\n" in printed
        assert "convolution of" in printed
        assert "<svg" in (tmp_path / "a.svg").read_text()


def test_a_trial_that_is_not_there_or_named_twice_is_one_line(shopping_run, capsys):
    run = str(shopping_run.directory)
    assert "there is no trial 9" in refused(capsys, "describe", "--run", run, "--trial", "9")
    assert "leave one out" in refused(capsys, "describe", "--run", run, "--trial", "0", "--genotype", "x")
    assert "holds no search" in refused(capsys, "describe", "--run", "nowhere")
    assert "name that with --run" in refused(capsys, "describe", "--trial", "0")


@pytest.mark.parametrize("command", ["describe", "score", "show"])
def test_help_is_in_words(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: nasplus {command}")
    for word in ("`", "type:", "null", "Sequence[", " ()"):
        assert word not in printed
