"""Event sequences: training throughput, sampling speed, and speed and peak memory of preparing the data.

python benchmarks/events.py [--users N] [--events N]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from prepare_events import block, prepare_events

from nni_nasplus.data.events import EventDataModule, prepare
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.events.baselines import RecurrentBaseline
from nni_nasplus.training.events import EventClassification

GENOTYPE = "01|1|agc1|44,12|00"


def data(folder: Path, users: int) -> Path:
    """A cache of ``users`` users with 64 events each."""
    events = block(np.random.default_rng(0), users * 64, users).to_pandas()
    events["user"] = np.repeat(np.arange(users), 64)
    labels = pd.DataFrame({"user": range(users), "y": np.arange(users) % 2})
    return prepare(events, labels, id="user", time="when", target="y", out=folder / "train", progress=False)


def training(folder: Path, users: int) -> None:
    """Print sequences per second of one epoch, training and validation together, of ours and of a plain GRU."""
    cache = data(folder, users)
    shape = EventDataModule(cache).shape
    space = EventSequenceSpace(**shape.to_json())
    networks = {GENOTYPE: space.build(space.parse_genotype(GENOTYPE)), "GRU of 64": RecurrentBaseline(shape, "gru")}
    evaluator = EventClassification(str(cache), epochs=1)
    for name, network in networks.items():
        seconds = evaluator.fit(network, folder / "fit")["seconds"]
        print(f"training {name}: {0.7 * users / seconds:,.0f} sequences of 64 events per second")


def sampling(count: int = 20_000) -> None:
    """Print architectures per second for both kinds of uniform sampling."""
    space = EventSequenceSpace().search_space
    rng = np.random.default_rng(0)
    space.sample(rng, "architecture")
    for uniform in ("decision", "architecture"):
        started = time.perf_counter()
        for _ in range(count):
            space.sample(rng, uniform)
        print(f"sampling uniform by {uniform}: {count / (time.perf_counter() - started):,.0f} architectures per second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=4000, help="users to train on")
    parser.add_argument("--events", type=int, default=10_000_000, help="events to prepare")
    arguments = parser.parse_args()
    print(f"{torch.get_num_threads()} threads")
    sampling()
    with tempfile.TemporaryDirectory() as folder:
        training(Path(folder), arguments.users)
    prepare_events(arguments.events, "csv")


if __name__ == "__main__":
    main()
