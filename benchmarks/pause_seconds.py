"""What does it cost to pause a training and go on with it?

An event architecture is trained on some users of UCI credit (CC BY 4.0, Yeh 2016) at once, and in two parts, each by a
process that is forked from one that has imported all that trials import, as trials of ``nasplus search`` are. Reading
the run and the data, building the network, writing the checkpoint, reading it and ending are all of the cost. Printed
is the median of how much longer the parts took together, with the 95 % bootstrap interval, in seconds of the processor,
which other work on the machine changes little, and of the clock.

    python benchmarks/pause_seconds.py --data DATA/events --repeats 15

With ``--nni`` whole searches stand beside: of the same architectures on NNI's host, one at a time, with whole trainings
and in parts of which all go on, by the clock of NNI's manager from the first trial's start to the last one's end.

    python benchmarks/pause_seconds.py --data DATA/events --nni --trials 6
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from record_curves import prepared
from scipy.stats import bootstrap

from nni_nasplus import registry
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.registry import described
from nni_nasplus.run.completed import completed
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.space import Architecture
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.reporter import LogReporter

EPOCHS, PAUSE = 9, 3


def made(folder: Path, cache: Path, hidden: int, **settings: Any) -> Run:
    """A run of random architectures, whose whole trainings have nine epochs."""
    evaluator = EventClassification(str(cache), epochs=EPOCHS, patience=None, batch_size=64)
    space = described(EventSequenceSpace, {**EventDataModule(cache).shape.to_json(), "hidden": hidden})
    return Run.create(folder, completed(Settings(strategy="random", concurrency=1, **settings), space, evaluator))


def trained(run: Run, architecture: Architecture, epochs: int) -> np.ndarray:
    """Train in a forked process until so many epochs are over; its seconds of the processor and of the clock."""
    began, child = time.perf_counter(), os.fork()
    if not child:
        own = Run.open(run.directory)
        folder = own.directory / "trials" / own.space.search_space.key(architecture)
        own.evaluator.evaluate(own.space, architecture, folder, LogReporter(), own.directory, epochs)
        os._exit(0)
    _, status, used = os.wait4(child, 0)
    assert status == 0
    return np.array([used.ru_utime + used.ru_stime, time.perf_counter() - began])


def pauses(run: Run, repeats: int) -> Iterable[np.ndarray]:
    """How much longer two parts take than the whole, of one architecture after the other."""
    rng, space = np.random.default_rng(0), run.space.search_space
    for _ in range(repeats):
        architecture = space.sample(rng)
        whole = trained(run, architecture, EPOCHS)
        shutil.rmtree(run.directory / "trials")
        yield trained(run, architecture, PAUSE) + trained(run, architecture, EPOCHS) - whole
        shutil.rmtree(run.directory / "trials")


def of_nni(run: Run) -> tuple[float, int]:
    """The manager's seconds from the first trial's start to the last one's end, and how many trials there were."""
    with registry.load("hosts", "nni")().search(run) as search:
        search.wait(lambda history: None)
    (path,) = {path.resolve() for path in run.directory.glob("nni/*/db/nni.sqlite")}
    with closing(sqlite3.connect(path)) as database:
        first, last, count = database.execute(
            "SELECT MIN(timestamp), MAX(timestamp), COUNT(DISTINCT trialJobId) FROM TrialJobEvent"
        ).fetchone()
    return (last - first) / 1000, count


def median(values: np.ndarray) -> str:
    """With its interval."""
    low, high = bootstrap((values,), np.median, rng=0).confidence_interval
    return f"{np.median(values):.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Print what a pause takes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the table")
    parser.add_argument("--out", type=Path, default=Path("build/curves"), help="prepared data, as record_curves.py's")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--nni", action="store_true", help="on NNI's host instead")
    parser.add_argument("--trials", type=int, default=6, help="of each search on NNI's host")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", UserWarning)
    cache = prepared("credit", options).resolve()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if not options.nni:
            taken = np.array(list(pauses(made(folder / "run", cache, options.hidden), options.repeats)))
            print(f"a pause: {median(taken[:, 0])} s of CPU, {median(taken[:, 1])} s by the clock")
            return
        sizes = {"trials": options.trials, "host": "nni", "port": 18080}
        whole, count = of_nni(made(folder / "whole", cache, options.hidden, **sizes))
        going = {"budget": "median", "budget_options": {"startup": 10**6}}
        parts, more = of_nni(made(folder / "parts", cache, options.hidden, **sizes, **going))
        print(f"whole: {whole:.1f} s for {count} trials; in parts: {parts:.1f} s for {more}")
        print(f"a pause: {(parts - whole) / (more - count):.2f} s")


if __name__ == "__main__":
    main()
