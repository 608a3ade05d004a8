"""Made-up events of shopping, and who is loyal."""

from __future__ import annotations

import numpy as np
import pandas as pd


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
