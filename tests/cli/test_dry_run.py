"""``nasplus search --dry-run``: what every column is taken for, and nothing is left behind."""

from __future__ import annotations

import pytest
from nasplus_command import refused
from shopping import COLUMNS, shopping

from nni_nasplus.cli import main

TABLE = """\
column  taken for  missing  levels
user    id               0
day     time             0          numbers
shop    category         0       3
amount  number           0
loyal: 2 classes: no, yes
"""


@pytest.fixture
def asked(tmp_path):
    """A search of two small tables."""
    for name, table in zip(("events", "labels"), shopping(), strict=True):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    tables = {name: tmp_path / f"{name}.csv" for name in ("events", "labels")}
    options = {**tables, **COLUMNS, "out": tmp_path / "run"}
    return ["search", *(f"--{name}={value}" for name, value in options.items())]


def test_it_prints_the_columns_and_leaves_nothing(asked, tmp_path, capsys):
    before = sorted(tmp_path.iterdir())
    main([*asked, "--dry-run"])
    assert capsys.readouterr().out == TABLE
    assert sorted(tmp_path.iterdir()) == before


def test_bad_input_is_told_as_in_a_search(asked, capsys):
    assert "'amount' is named by --numeric and --ignore" in refused(
        capsys, *asked, "--dry-run", "--numeric=amount", "--ignore=amount"
    )


def test_other_data_have_none(capsys):
    assert "--dry_run has no effect on images" in refused(capsys, "search", "--images", "x.npz", "--dry-run")


def test_names_with_commas_are_quoted(asked, tmp_path, capsys):
    events = shopping()[0].rename(columns={"amount": "amount, net"})
    events.to_csv(tmp_path / "events.csv", index=False)
    main([*asked, "--dry-run", '--ignore="amount, net",shop'])
    out = capsys.readouterr().out
    assert out.count("left out") == 2
