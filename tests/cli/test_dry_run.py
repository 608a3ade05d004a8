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
loyal: 2 classes: no (46 %), yes (54 %)
users: 84 train, 18 validate, 18 test: at random
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


def test_it_says_who_tests_and_what_is_cut(asked, tmp_path, capsys):
    labels = shopping()[1].assign(
        age=lambda t: t["user"] % 50, fold=lambda t: (t["user"] < 90).map({True: "train", False: "test"})
    )
    labels.to_csv(tmp_path / "labels.csv", index=False)
    main([*asked, "--dry-run", "--split=fold", "--static=age", "--max-length", "5"])
    age, classes, users, cut = capsys.readouterr().out.splitlines()[-4:]
    assert age.split() == ["age", "number", "0", "static"]
    assert classes == "loyal: 2 classes: no (46 %), yes (54 %)"
    assert (
        users
        == "users: 74 train, 16 validate, 30 test: by column 'fold', validation users drawn from the training ones"
    )
    longer = (shopping()[0].groupby("user").size() > 5).sum()
    assert cut == f"{longer} of 120 users have more than 5 events; their last 5 are used (--max-length)"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--split=nope", "labels has no column 'nope'"),
        ("--groups=nope", "labels has no column 'nope'"),
        ("--test-after=2024-01-01", "--test-after '2024-01-01' is no number"),
        ("--test-after=12345", "--test-after 12345 lies after the last event of all users"),
        ("--test-labels=nowhere.csv", "test labels: no file nowhere.csv"),
        ("--static=shop", "--static shop is a column of the events too"),
        ("--static=loyal", "column 'loyal' is named by --target and --static"),
    ],
)
def test_a_split_or_an_attribute_that_cannot_be_is_told(asked, capsys, option, message):
    assert message in refused(capsys, *asked, "--dry-run", option)
