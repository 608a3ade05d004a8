"""The nasplus command, run as a user runs it or refused in this process."""

from __future__ import annotations

import pytest
from nni_server import free_port
from processes import run_python
from shopping import COLUMNS

from nni_nasplus.cli import main

NASPLUS = ["-m", "nni_nasplus"]


def nasplus(*arguments, **options):
    """Run the command; fail on an ERROR line."""
    done = run_python([*NASPLUS, *arguments], timeout=400, **options)
    assert "ERROR" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "warning" not in done.stderr.lower()
    return done


def asking(tables, out, **changes):
    options = {
        "events": tables / "events.csv",
        "labels": tables / "labels.parquet",
        **COLUMNS,
        "trials": 4,
        "epochs": 2,
        "strategy": "evolution",
        "strategy-options.population_size": 3,
        "initial": "[]",
        "baseline-trials": 1,
        "tail-minutes": 0.001,
        "port": free_port(),
        "out": out,
        **changes,
    }
    return ["search", *(f"--{name}={value}" for name, value in options.items() if value is not None)]


def refused(capsys, *arguments):
    """The one line of a command that must be refused."""
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nasplus: error")]
    assert stop.value.code == 2
    assert len(lines) == 1
    return lines[0]
