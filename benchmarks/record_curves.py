"""Record how architectures learn: validation scores after each of 20 epochs, on three public data sets.

Random event architectures are trained to the end on some users of UCI credit (CC BY 4.0, Yeh 2016) and hospital billing
(4TU.ResearchData, Mannhardt 2017), and random cells of NAS-Bench-201 on some images of Fashion-MNIST (MIT, Xiao et al.
2017) at 16×16 pixels, once, so that ``budgets.py`` can search them again at no cost. What is kept are architectures and
scores. Interrupted, or with more ``--architectures``, it goes on with the next one of the same order.

    python benchmarks/record_curves.py --data DATA/events --images DATA/images/fashion_mnist_12k.npz

DATA/events has ``uci_credit_card.csv.gz`` and ``hospital_billing.csv.gz``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from worth_tasks import TASKS, of_some_users

from nni_nasplus._files import new_file
from nni_nasplus.data.events import EventDataModule, prepare
from nni_nasplus.data.images import prepare_images
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.images import ImageClassification
from nni_nasplus.training.trial_folder import curve_in

EVENTS, CELLS = ("credit", "billing"), "fashion"
RECORDED = (*EVENTS, CELLS)
EPOCHS = 20
RESULTS = Path(__file__).with_name("results")


def recorded(name: str, folder: Path = RESULTS) -> Path:
    """The file of a data set's curves: a line of JSON for each architecture."""
    return folder / f"curves_{name}.jsonl.gz"


def read(path: Path) -> list[dict[str, Any]]:
    """The architectures that were trained, each with its ``scores``, one an epoch; none where there is no file."""
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write(path: Path, trained: list[dict[str, Any]]) -> None:
    """Keep them; equal ones give equal files."""
    lines = "".join(f"{json.dumps(one)}\n" for one in trained)
    with new_file(path) as partial:
        partial.write_bytes(gzip.compress(lines.encode(), mtime=0))


def prepared(name: str, options: argparse.Namespace) -> Path:
    """The cache of some users."""
    cache: Path = options.out / name / "data"
    if not cache.exists():
        events, labels, names = of_some_users(TASKS[name](options.data, 0), options.users, 0)
        prepare(events, labels, **names, out=cache, progress=False)
    return cache


def of_events(name: str, options: argparse.Namespace) -> tuple[NetworkSpace, Evaluator]:
    """A space and what trains on some users."""
    cache = prepared(name, options)
    space = EventSequenceSpace(**EventDataModule(cache).shape.to_json(), hidden=options.hidden)
    return space, EventClassification(str(cache), epochs=EPOCHS, patience=None, batch_size=64)


def of_cells(name: str, options: argparse.Namespace) -> tuple[NetworkSpace, Evaluator]:
    """The same for some images."""
    cache: Path = options.out / name / "data"
    if not cache.exists():
        many, fewer = 2 * options.users, {}
        with np.load(options.images, allow_pickle=False) as data:
            for axis in "xy":
                known = data[f"{axis}_train"]
                fewer |= {f"{axis}_train": known[:many], f"{axis}_val": known[many : 2 * many]}
        source = options.out / name / "images.npz"
        source.parent.mkdir(parents=True, exist_ok=True)
        np.savez(source, **fewer)
        prepare_images(str(source), out=cache, size=16, seed=0)
    space = NasBench201Space(options.channels, 1, classes=10, in_channels=1, size=16)
    return space, ImageClassification(str(cache), epochs=EPOCHS, batch_size=64, crop=1, seed=0)


def architectures(space: NetworkSpace, count: int) -> list[dict[str, Any]]:
    """Different ones, at random."""
    rng, found = np.random.default_rng(0), dict[str, dict[str, Any]]()
    while len(found) < count:
        one = space.search_space.sample(rng)
        found[space.search_space.key(one)] = one
    return list(found.values())


def record(name: str, options: argparse.Namespace) -> Iterator[None]:
    """Train what is not in the file yet, and keep it; pausing before each architecture."""
    space, evaluator = (of_cells if name == CELLS else of_events)(name, options)
    trained = read(recorded(name))
    for architecture in architectures(space, options.architectures)[len(trained) :]:
        yield
        folder = options.out / name / "trial"
        shutil.rmtree(folder, ignore_errors=True)
        evaluator.evaluate(space, architecture, folder)
        scores = [round(epoch[f"val_{evaluator.objective}"], 5) for epoch in curve_in(folder)]
        assert len(scores) == EPOCHS
        trained.append({"architecture": architecture, "scores": scores})
        write(recorded(name), trained)


def main() -> None:
    """Record what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="the folder of the tables of events")
    parser.add_argument("--images", type=Path, help="an .npz archive of images")
    parser.add_argument(
        "--out", type=Path, default=Path("build/curves"), help="prepared data, and the network in training"
    )
    parser.add_argument(
        "--users", type=int, default=1000, help="of all splits; of images twice as many train, and validate"
    )
    parser.add_argument("--architectures", type=int, default=50)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--channels", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    wanted = [*(EVENTS if options.data else ()), *([CELLS] if options.images else ())]
    for _ in zip_longest(*(record(name, options) for name in wanted)):
        """One architecture of each data set after the other, so that all have as many whenever this is ended."""


if __name__ == "__main__":
    main()
