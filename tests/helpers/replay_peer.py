"""Replays of one peer on a whole space, a pool and with several in training; prints the rows as JSON."""

from __future__ import annotations

import json
import sys

import numpy as np
import peers
from toy_tables import ALL, table_of

from nni_nasplus.replay.replay import replay

if __name__ == "__main__":
    found = []
    for count, batch in ((len(ALL), 1), (20, 1), (20, 3)):
        scores = np.where(np.arange(count) == 4, np.nan, np.arange(count, dtype=float))
        table = table_of(count, scores=scores)
        replays = [
            replay(peers.make_peer(sys.argv[1], table, seed, 18, {}), table, budget=18, batch=batch)
            for seed in (0, 0, 1)
        ]
        found.append([done.rows for done in replays])
    sys.stdout.write(json.dumps(found) + "\n")
