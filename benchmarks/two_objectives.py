"""Accuracy and latency together, on NAS-Bench-201 and the latencies that HELP measured on 27 devices.

python benchmarks/two_objectives.py DATA [--devices …] [--table …] [--methods …] [--seeds N] [--results FILE]

Reads DATA/nb201_200ep.npz and DATA/nb201_latency_help.npz. What is measured is the hypervolume after 50 and 100
trainings, above the median accuracy of all cells and below the longest latency, as a share of that of the true front.
Finished searches are kept in --results, from which an interrupted benchmark goes on.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import tables

from nni_nasplus.replay.replay import Table, parse_method
from nni_nasplus.search.pareto import hypervolume
from nni_nasplus.search.search import Search
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.search.trial import Outcome

BUDGET, LOOKS = 100, (50, 100)
PEERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "optuna_nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
    "optuna_tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "optuna_gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
}
METHODS = ["thompson", "nsga2", "random", *PEERS]


def latencies(data: Path, device: str, table: Table) -> np.ndarray:
    """Milliseconds of every row of a table; float [rows]."""
    with np.load(data / "nb201_latency_help.npz") as file, np.load(data / "nb201_200ep.npz") as cells:
        order = np.array([tables.OPS.index(op) for op in cells["ops"]])[cells["arch"]]
        by_row = np.lexsort(order.T[::-1])
        found: np.ndarray = file[device][by_row].astype(float)
    assert len(found) == len(table.pool)
    return found


def ours(method: str, table: Table, costs: np.ndarray, seed: int) -> Iterator[int]:
    """The rows that a strategy of ours trains."""
    name, options = parse_method(method)
    search = Search(table.space, make_strategy(name, options), seed=seed, costs=["latency"])
    while True:
        trial = search.ask()
        row = table.pool.row(trial.architecture)
        yield row
        search.tell(trial, Outcome(score=float(table.scores[row]), metrics={"latency": float(costs[row])}))


def theirs(method: str, table: Table, costs: np.ndarray, seed: int) -> Iterator[int]:
    """The rows that a sampler of Optuna trains for the first time; one that it repeats is told it again, and free."""
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=PEERS[method](seed))
    seen: set[int] = set()
    while True:
        trial = study.ask()
        found = {name: trial.suggest_categorical(name, choices) for name, choices in table.pool.decisions.items()}
        row = table.pool.row(found)
        if row not in seen:
            seen.add(row)
            yield row
        study.tell(trial, [float(table.scores[row]), float(costs[row])])


def shares(rows: list[int], points: np.ndarray, reference: np.ndarray) -> list[float]:
    """Of the hypervolume of the true front, at every look."""
    whole = hypervolume(points, reference)
    return [hypervolume(points[rows[:look]], reference) / whole for look in LOOKS]


def searched(method: str, table: Table, costs: np.ndarray, seed: int) -> dict[str, Any]:
    """One search as a line of the results."""
    chosen = theirs if method in PEERS else ours
    started = time.process_time()
    rows = list(islice(chosen(method, table, costs, seed), BUDGET))
    points = np.column_stack([table.scores, -costs])
    reference = np.array([np.median(table.scores), -costs.max()])
    found = shares(rows, points, reference)
    return {"shares": found, "seconds": round(time.process_time() - started, 1)}


def known(path: Path) -> list[dict[str, Any]]:
    """The finished searches."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def complete(options: argparse.Namespace) -> None:
    """Run the searches that have no result yet, in this process, and append theirs."""
    table = tables.load(options.table, options.data)
    done = {tuple(line[key] for key in ("table", "device", "method", "seed")) for line in known(options.results)}
    options.results.parent.mkdir(parents=True, exist_ok=True)
    for seed, device, method in product(range(options.seeds), options.devices, options.methods):
        key = (options.table, device, method, seed)
        if key in done:
            continue
        line = dict(zip(("table", "device", "method", "seed"), key, strict=True))
        found = searched(method, table, latencies(options.data, device, table), seed)
        with options.results.open("a") as file:
            file.write(json.dumps(line | found) + "\n")


def report(options: argparse.Namespace) -> None:
    """Print the mean share by method, and the interval of the difference to the first method, searches in pairs."""
    lines = [line for line in known(options.results) if line["table"] == options.table]
    by_method = {
        method: {
            (line["device"], line["seed"]): line["shares"]
            for line in lines
            if line["method"] == method and line["device"] in options.devices and line["seed"] < options.seeds
        }
        for method in options.methods
    }
    first = by_method[options.methods[0]]
    for method, found in by_method.items():
        paired = np.array([np.subtract(first[key], found[key]) for key in found if key in first])
        if not len(paired):
            continue
        means = np.mean(list(found.values()), axis=0)
        draws = np.random.default_rng(0).integers(len(paired), size=(2000, len(paired)))
        low, high = np.quantile(paired[draws].mean(axis=1), [0.025, 0.975], axis=0)
        for look, mean, one, other in zip(LOOKS, means, low, high, strict=True):
            behind = f"{options.methods[0]} ahead by {100 * one:+.2f} to {100 * other:+.2f}"
            sys.stdout.write(f"{method} after {look}: {100 * mean:.2f} % ({len(found)} searches), {behind}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--table", default="nb201_cifar100", choices=list(tables.NB201))
    parser.add_argument(
        "--devices", nargs="+", default=["pixel3", "raspi4", "fpga", "eyeriss", "1080ti_32"], help="or all"
    )
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=Path("build/two_objectives.jsonl"))
    options = parser.parse_args()
    if options.devices == ["all"]:
        with np.load(options.data / "nb201_latency_help.npz") as file:
            options.devices = list(file)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    complete(options)
    report(options)


if __name__ == "__main__":
    main()
