"""Tables of random events with a column of each kind, and their labels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.preparation import prepare

NAMES = {"id": "user", "time": "when", "target": "y"}
USERS = 60


def make_events(seed=0, users=USERS, n=1500):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "user": rng.integers(0, users, n),
            "when": rng.permutation(n) * 0.25,
            "shop": rng.choice(["north", "south", "east"], n, p=[0.6, 0.3, 0.1]),
            "amount": rng.lognormal(3, 2, n).round(2),
            "rank": rng.integers(0, 5, n),
            "open": rng.random(n) < 0.4,
        }
    )
    frame.loc[rng.random(n) < 0.1, "amount"] = np.nan
    frame.loc[rng.random(n) < 0.1, "shop"] = None
    return frame


def make_labels(users=USERS):
    return pd.DataFrame({"user": range(users), "y": [u % 3 == 0 for u in range(users)]})


def cached(events, labels, out, **options):
    return prepare(events, labels, **{**NAMES, **options}, out=out, progress=False)


def same_cache(a, b):
    first, second = EventArrays.open(a), EventArrays.open(b)
    for name, array in vars(first).items():
        np.testing.assert_array_equal(array, getattr(second, name), err_msg=name)
    assert EventEncoder.load(a) == EventEncoder.load(b)
