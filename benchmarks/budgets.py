"""Do budgets find a good architecture in fewer epochs?

Searches NAS-Bench-NLP (arXiv 2006.07116) by its published curves of 50 epochs, and counts the epochs until one of the
best 1 % of the rows has been trained to its end. Nothing is trained. A row's score after some epochs is its lowest
validation loss so far. One trial runs at a time.

    python benchmarks/budgets.py --data DATA --seeds 30
    python benchmarks/budgets.py --data DATA --seeds 10 --methods thompson thompson+asha

DATA has ``nbnlp_wikitext2.jsonl.gz``. A method is a strategy, or a strategy and a budget rule, joined by ``+``; and
``tpe``, ``tpe+successive-halving`` and ``tpe+hyperband-pruner`` are Optuna's own, and ``smac+hyperband`` is SMAC's,
which needs ``pip install smac`` and is reproduced for equal PYTHONHASHSEED only.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from peers.of_optuna import PrunedOptuna
from scipy.stats import bootstrap
from tables import load

from nni_nasplus import Outcome, Search, SearchSpaceExhausted
from nni_nasplus.replay.replay import Table
from nni_nasplus.search.epochs.budget import Budget, make_budget_rule
from nni_nasplus.search.strategy import make_strategy

EPOCHS, FIRST = 50, 2
"""Of a curve, and of the lowest rung where η is 3: 50/27, rounded."""
METHODS = [
    "random",
    "random+asha",
    "random+asha-stopping",
    "random+curve",
    "random+hyperband",
    "random+median",
    "random+nekrasov",
    "random+pdh",
    "bohb",
    "bohb+hyperband",
    "tpe",
    "tpe+successive-halving",
    "tpe+hyperband-pruner",
    "smac+hyperband",
]
Trained = Iterator[tuple[int, int, int]]
"""Of each part of a training: the row, the epochs that it had before, and those that it has now."""


def lowest_so_far(data: Path) -> np.ndarray:
    """By row of the table and epoch, the mean over a recipe's trainings of the lowest loss so far; float [rows, 50]."""
    with gzip.open(data / "nbnlp_wikitext2.jsonl.gz", "rt", encoding="utf-8") as lines:
        trained = pd.DataFrame(map(json.loads, lines))
    curves = trained["val"].map(_running_minimum).groupby(trained["recipe"], sort=False).agg(list)
    return np.array([np.nanmean(np.array(of_recipe), axis=0) for of_recipe in curves])


def _running_minimum(losses: list[float | None]) -> np.ndarray:
    """A curve that ends early stays where it was."""
    finite = np.array([np.inf if loss is None or not np.isfinite(loss) else loss for loss in losses][:EPOCHS])
    lowest = np.minimum.accumulate(np.pad(finite, (0, EPOCHS - len(finite)), constant_values=np.inf))
    return np.where(np.isinf(lowest), np.nan, lowest)


def ours(table: Table, curves: np.ndarray, strategy: str, rule: str, seed: int) -> Trained:
    """A search of this package; without a rule every trial is a whole training."""
    made = make_budget_rule(rule, {}) if rule else None
    budget = made and Budget(made, EPOCHS, len(table.pool), seed)
    search = Search(table.space, make_strategy(strategy, {}), seed=seed, direction=table.direction, budget=budget)
    while True:
        try:
            trial = search.ask()
        except SearchSpaceExhausted:
            return
        row, before = table.pool.row(trial.architecture), int(trial.reached)
        epochs = trial.epochs or EPOCHS
        loss = curves[row, epochs - 1]
        search.tell(trial, Outcome(score=float(loss)) if np.isfinite(loss) else None)
        yield row, before, epochs


def optunas(table: Table, curves: np.ndarray, pruner: optuna.pruners.BasePruner, seed: int) -> Trained:
    """TPE with a pruner, which is asked after every epoch."""
    peer = PrunedOptuna(table, seed, optuna.samplers.TPESampler(seed=seed), pruner)
    while True:
        try:
            asked = peer.ask()
        except SearchSpaceExhausted:
            return
        yield asked.handle, 0, peer.train(asked, curves[asked.handle])


def smacs(table: Table, curves: np.ndarray, seed: int) -> Trained:
    """SMAC's Hyperband, whose trainings may go on from where they were, too."""
    from peers.of_smac import SmacHyperband

    peer, done = SmacHyperband(table, seed, (EPOCHS / 27, EPOCHS)), dict[int, int]()
    while True:
        try:
            row, epochs, info = peer.ask()
        except (SearchSpaceExhausted, StopIteration):
            return
        peer.tell(info, float(curves[row, epochs - 1]))
        yield row, done.get(row, 0), epochs
        done[row] = epochs


PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    "": optuna.pruners.NopPruner,
    "successive-halving": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=FIRST, reduction_factor=3),
    "hyperband-pruner": lambda: optuna.pruners.HyperbandPruner(FIRST, EPOCHS, reduction_factor=3),
}


def epochs_to_the_top(trained: Trained, table: Table) -> int:
    """The epochs until a top row has been trained to its end."""
    top, spent = set(np.argsort(table.regrets, kind="stable")[: table.top].tolist()), 0
    for row, before, now in trained:
        spent += now - before
        if now == EPOCHS and row in top:
            break
    return spent


def measured(method: str, table: Table, curves: np.ndarray, seeds: int) -> np.ndarray:
    """The epochs under every seed; int [seeds]."""
    name, _, rule = method.partition("+")
    if name == "smac":
        runs = (smacs(table, curves, seed) for seed in range(seeds))
    elif name == "tpe":
        runs = (optunas(table, curves, PRUNERS[rule](), seed) for seed in range(seeds))
    else:
        runs = (ours(table, curves, name, rule, seed) for seed in range(seeds))
    return np.array([epochs_to_the_top(run, table) for run in runs])


def main() -> None:
    """Print a row for each method: mean with its bootstrap interval, median, and the mean in whole trainings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of nbnlp_wikitext2.jsonl.gz")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    options = parser.parse_args()
    logging.getLogger("nni_nasplus").setLevel(logging.ERROR)
    table, curves = load("nbnlp", options.data), lowest_so_far(options.data)
    assert np.allclose(curves[:, -1], table.scores, equal_nan=True)
    print("| method | epochs, mean | 95 % | median | whole trainings |\n|---|---|---|---|---|")
    for method in options.methods:
        epochs = measured(method, table, curves, options.seeds)
        low, high = bootstrap((epochs,), np.mean, rng=0).confidence_interval
        figures = (
            f"{epochs.mean():,.0f} | {low:,.0f}–{high:,.0f} | {np.median(epochs):,.0f} | {epochs.mean() / EPOCHS:.1f}"
        )
        print(f"| {method} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
