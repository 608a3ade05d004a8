"""Shared data: one prepared cache for the tests that train."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

torch.set_num_threads(1)  # tests share the machine's cores with trials that they start


def shopping(users: int = 120, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Users of 1 to 12 events; those of class "yes" buy more and more often from shop "a"."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 13, users)
    label = rng.integers(0, 2, users)
    user = np.repeat(np.arange(users), lengths)
    fond = label[user] == 1
    events = pd.DataFrame(
        {
            "user": user,
            "day": rng.integers(0, 1000, len(user)),
            "shop": np.where(fond & (rng.random(len(user)) < 0.6), "a", rng.choice(["a", "b", "c"], len(user))),
            "amount": rng.normal(fond.astype(float), 1.0),
        }
    )
    return events, pd.DataFrame({"user": np.arange(users), "loyal": np.where(label == 1, "yes", "no")})


COLUMNS = {"id": "user", "time": "day", "target": "loyal"}


@pytest.fixture(autouse=True)
def interruptible() -> None:
    """Let processes that a test starts be interrupted, also where the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """A prepared cache of :func:`shopping`."""
    from nni_nasplus.data.events import prepare

    return prepare(*shopping(), **COLUMNS, out=tmp_path_factory.mktemp("shopping") / "data", progress=False)
