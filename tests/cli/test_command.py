"""The nasplus command: its help, and bad input."""

from __future__ import annotations

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
    ],
)
def test_bad_input_is_one_line(capsys, arguments, message):
    assert message in refused(capsys, *arguments)


def test_help_names_every_command(capsys):
    main(["--help"])
    printed = capsys.readouterr().out
    for command in ("demo", "search", "resume", "stop", "show", "export", "predict", "describe", "register"):
        assert f"  {command} " in printed
