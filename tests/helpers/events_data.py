"""The real event tables of the shared data folder, as long tables."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from uci_credit import long_tables

_DEFAULT = Path(__file__).resolve().parents[3] / "shared" / "data"


def data_path(name: str) -> Path:
    """A file of the data folder, which NASPLUS_DATA names; skips the test where it is absent."""
    path = Path(os.environ.get("NASPLUS_DATA", _DEFAULT)) / name
    if not path.is_file():
        pytest.skip(f"no {path}: set NASPLUS_DATA to the shared data folder")
    return path


def uci_credit() -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Six monthly events of each of 30,000 users, the labels, and the names of the columns."""
    wide = pd.read_csv(data_path("events/uci_credit_card.csv.gz"))
    events, labels = long_tables(wide)
    return events, labels, {"id": "ID", "time": "month", "target": "default"}


def sepsis() -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Each case's events before its first admission, release or return; label: admitted to intensive care."""
    table = pd.read_csv(data_path("events/sepsis.csv.gz"))
    ends = table["activity"].str.startswith(("Admission", "Release")) | (table["activity"] == "Return ER")
    before = ends.groupby(table["case_id"]).cumsum() == 0
    care = (table["activity"] == "Admission IC").groupby(table["case_id"]).max().astype(int)
    events = table[before].drop(columns=".order")
    labels = care[events["case_id"].unique()].rename("intensive").reset_index()
    return events, labels, {"id": "case_id", "time": "timestamp", "target": "intensive"}
