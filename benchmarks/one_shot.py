"""One-shot searches of NAS-Bench-201 cells on Fashion-MNIST: what they find, by the table, and what it costs.

    python benchmarks/one_shot.py --data DATA/nas --images DATA/images/fashion_mnist_12k.npz --out build/one_shot

DATA/nas has ``nb201_200ep.npz`` and ``nb201_zen_naswot.npz``. Each method searches by each seed, in a process of its
own; what is found is a line of ``found.jsonl`` in the folder. A search that was interrupted, or failed, goes on from
its checkpoint when the command is given again. Then the accuracies of the cells after 200 epochs, from the tables, are
shown beside random cells, the best of 100 by their number of parameters, and what was published; ``--tau N`` also has
the rank correlation between the inherited loss of N random cells in the supernet and those accuracies. The images are
those of Fashion-MNIST at 16×16 pixels, grey: they are not what the cells of the table were trained on.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau

from nni_nasplus import registry
from nni_nasplus.data.images import prepare_images
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.one_shot.shared_weights import SharedWeights
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.spaces.images.nasbench201_cell import EDGES, decision
from nni_nasplus.training.images import ImageClassification

SIZE, BEST_OF, DRAWS = 16, 100, 1000
FOUND = "found.jsonl"
PUBLISHED = {
    "darts": "54.30 (NAS-Bench-201)",
    "gdas": "93.61 (NAS-Bench-201)",
    "beta-darts": "94.36 (its paper)",
    "drnas": "94.36 (its paper)",
    "darts-pt": "88.1, blank 93.8 (its paper)",
    "pc-darts": "93.41 (DrNAS)",
    "snas": "92.77 (DrNAS)",
    "rsps": "87.66 (NAS-Bench-201)",
    "setn": "86.19 (NAS-Bench-201)",
    "enas": "54.30 (NAS-Bench-201)",
}
"""Test accuracy on CIFAR-10, searched on CIFAR-10 with 16 channels and 5 cells in each stage."""
SETTINGS: Mapping[str, Mapping[str, Any]] = {"darts-2nd": {"order": 2}, "darts-pt-blank": {"blank": True}}
"""Of what is a method by another setting."""
METHODS = sorted({*registry.available("one_shot"), *SETTINGS} - {"tenas"})
"""All that train a supernet; ``tenas.py`` is about the one that does not."""


class Table:
    """Accuracies of all cells: CIFAR-10 on test images, CIFAR-100 on validation images."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "nb201_200ep.npz", allow_pickle=False) as data:
            names = [str(name) for name in data["ops"]]
            self.rows = {tuple(names[op] for op in row): i for i, row in enumerate(data["arch"])}
            self.cifar100 = np.nanmean(data["val_acc_cifar100"], axis=1)
            self.parameters = data["model_size_cifar10"]
        with np.load(folder / "nb201_zen_naswot.npz", allow_pickle=False) as data:
            self.cifar10 = data["test_top1_cifar10_200ep"]

    def row(self, cell: Mapping[str, Any]) -> int:
        """Where a cell is."""
        return self.rows[tuple(cell[decision(*edge)] for edge in EDGES)]

    def line(self, title: str, rows: NDArray[np.intp], more: str = "") -> str:
        """Means and standard deviations over some cells."""
        columns = [f"{values[rows].mean():.2f} ± {values[rows].std():.2f}" for values in (self.cifar10, self.cifar100)]
        return f"| {title} | {' | '.join(columns)} | {more} |"

    def best_of(self, score: NDArray[np.float64]) -> NDArray[np.intp]:
        """The best by a score of 100 cells, many times."""
        rng = np.random.default_rng(0)
        drawn = np.array([rng.choice(len(score), BEST_OF, replace=False) for _ in range(DRAWS)])
        return drawn[np.arange(DRAWS), score[drawn].argmax(1)]


def evaluator_of(options: argparse.Namespace) -> ImageClassification:
    """Prepared images, of which there may be fewer than in the archive."""
    cache = options.out / "data"
    if not cache.exists():
        source = options.images
        if options.examples:
            with np.load(source, allow_pickle=False) as data:
                fewer = {name: data[name][: options.examples] for name in data}
            source = options.out / "images.npz"
            np.savez(source, **fewer)
        prepare_images(str(source), out=cache, size=SIZE, seed=0)
    return ImageClassification(str(cache), epochs=options.epochs, batch_size=options.batch, crop=1, seed=0)


def search_of(name: str, seed: int, options: argparse.Namespace) -> SharedWeights:
    """A search that has not begun."""
    method = name if name in registry.available("one_shot") else name.rpartition("-")[0]
    settings = {**SETTINGS.get(name, {}), "epochs": options.epochs}
    space = NasBench201Space(options.channels, options.cells, classes=10, in_channels=1, size=SIZE)
    return made(registry.load("one_shot", method), space, evaluator_of(options), seed=seed, **settings)  # type: ignore[no-any-return]


def run_one(name: str, seed: int, options: argparse.Namespace) -> None:
    """Search on one core, and add a line to what was found."""
    search, started = search_of(name, seed, options), time.process_time()
    (cell, *_) = fit(search, options.out / f"{name}-{seed}").architectures
    seconds = time.process_time() - started
    found = {"method": name, "seed": seed, "cell": cell, "seconds": seconds, "epochs": options.epochs}
    found["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if options.tau:
        found["tau"] = tau_of(search, Table(options.data), options.tau)
    with (options.out / FOUND).open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")


def tau_of(search: SharedWeights, table: Table, count: int) -> float:
    """Kendall's τ between inherited and trained: accuracies on CIFAR-10, to a tenth of a percent."""
    rng = np.random.default_rng(0)
    cells = [NasBench201Space().search_space.sample(rng) for _ in range(count)]
    losses = [search.inherited(cell) for cell in cells]
    return float(
        kendalltau([-loss for loss in losses], [round(float(table.cifar10[table.row(c)]), 1) for c in cells])[0]
    )


def read(folder: Path) -> list[dict[str, Any]]:
    """What was found until now."""
    path = folder / FOUND
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def show(table: Table, found: list[dict[str, Any]]) -> None:
    """Print the table."""
    print("| method | CIFAR-10 test | CIFAR-100 validation | core-seconds, MiB, τ | published |\n|---|---|---|---|---|")
    for name in dict.fromkeys(one["method"] for one in found):
        ours = [one for one in found if one["method"] == name]
        rows = np.array([table.row(one["cell"]) for one in ours])
        cost = f"{statistics.mean(one['seconds'] for one in ours):.0f}, {max(one['mib'] for one in ours):.0f}"
        taus = [one["tau"] for one in ours if "tau" in one]
        cost += f", {statistics.mean(taus):.2f}" if taus else ""
        print(f"{table.line(f'{name}, {len(ours)} seeds', rows, cost)} {PUBLISHED.get(name, '')} |")
    print(table.line("random", np.arange(len(table.cifar10))), "|")
    print(table.line(f"parameters, best of {BEST_OF}", table.best_of(table.parameters)), "|")


def main() -> None:
    """Search what was not searched yet, and show all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the tables")
    parser.add_argument("--images", type=Path, required=True, help="an .npz archive of images")
    parser.add_argument("--out", type=Path, default=Path("build/one_shot"), help="what was found, and checkpoints")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--cells", type=int, default=1, help="in each stage")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--examples", type=int, default=0, help="images of each split; 0 for all")
    parser.add_argument("--tau", type=int, default=0, help="cells whose inherited losses are compared")
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "SEED"), help="this search alone, in this process")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    if options.one:
        return run_one(options.one[0], int(options.one[1]), options)
    evaluator_of(options)
    for seed in range(options.seeds):
        for name in options.methods:
            if (name, seed) not in {(one["method"], one["seed"]) for one in read(options.out)}:
                subprocess.run([sys.executable, *sys.argv, "--one", name, str(seed)], check=False)
    return show(Table(options.data), read(options.out))


if __name__ == "__main__":
    main()
