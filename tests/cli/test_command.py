"""The nasplus command: its help, and bad input."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from nasplus_command import refused

from nni_nasplus.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serch"], "unknown command 'serch'; commands: demo, search"),
        (["show", "nowhere"], "holds no search"),
        (["export", "nowhere", "--to", "x"], "holds no search"),
        (["predict", "nowhere", "--events", "x.csv"], "holds no exported network"),
        (["predict", "nowhere", "--events", "x.csv", "--to", "x.txt"], "end it in .csv or .parquet"),
        (["show"], "directory"),
        (["describe", "--genotype", "01|1|agd1|44,12|00"], "agd1"),
        (["describe", "--space", "magic", "--genotype", "x"], "unknown space 'magic'"),
        (["describe"], "--genotype is missing"),
        (["describe", "--hidden", "x"], "--hidden is 'x'; use a whole number"),
        (["describe", "--clock", "x"], "--clock is 'x'; choose from 'time', 'gaps'"),
        (["resume", "nowhere", "--trials", "x"], "--trials is 'x'; use a whole number"),
        (["report", "nowhere", "--nothing", "x"], "the command says its options with --help"),
        (["show", "nowhere", "--top", "0"], "--top is 0; use 1 or more"),
        (["demo", "--port", "65536"], "--port is 65536; use 1 to 65535"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, message):
    assert message in refused(capsys, *arguments)


def test_help_names_every_command(capsys):
    main(["--help"])
    printed = capsys.readouterr().out
    for command in ("demo", "search", "resume", "stop", "show", "export", "predict", "describe", "register"):
        assert f"  {command} " in printed


def test_the_version_is_that_of_the_package(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"nasplus {version('nni_nasplus')}\n"


def test_who_searches_waits_for_no_library_that_trains():
    heavy = ("torch", "pytorch_lightning", "sklearn", "scipy.stats", "pandas", "matplotlib")
    code = f"import sys, nni_nasplus.strategies.thompson_sampling; print([n for n in {heavy} if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
