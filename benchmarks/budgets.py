"""Do budgets find a good architecture in fewer epochs?

Searches NAS-Bench-NLP (arXiv 2006.07116) by its published curves of 50 epochs, and event architectures and cells by the
curves of 20 epochs that ``record_curves.py`` recorded, and counts the epochs until one of the best 1 % of the rows has
been trained to its end; at least one row counts as such. Beside them stands the regret once as many epochs were spent
as some whole trainings take: how far the row that a search would answer with, the best of those that it trained
longest, is from the best row in the end. A search that has proposed all rows and trained no top one to its end counts
with whole trainings of all rows. Nothing is trained. A row's score after some epochs is its best so far on validation
data. One trial runs at a time.

    python benchmarks/budgets.py --data DATA --seeds 30
    python benchmarks/budgets.py --tables credit billing --seeds 30 --methods thompson thompson+asha

DATA has ``nbnlp_wikitext2.jsonl.gz``, for the table ``nbnlp``. A method is a strategy, or a strategy and a budget rule,
joined by ``+``; and ``tpe``, ``tpe+successive-halving`` and ``tpe+hyperband-pruner`` are Optuna's own, and
``smac+hyperband`` is SMAC's, which needs ``pip install smac`` and is reproduced for equal PYTHONHASHSEED only.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import math
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import optuna
import pandas as pd
from peers.of_optuna import PrunedOptuna
from record_curves import CELLS, RECORDED, read, recorded
from scipy.stats import bootstrap
from tables import load

from nni_nasplus import Outcome, Search, SearchSpaceExhausted
from nni_nasplus.replay.replay import Table, top_share
from nni_nasplus.search.epochs.budget import Budget, make_budget_rule
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.search.table_space import TableSpace
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import NasBench201Space

ETA = 3
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
TABLES = ("nbnlp", *RECORDED)
TRAININGS = (2, 5, 10, 20)
"""How many whole trainings take as many epochs as have been spent where regrets are looked at."""


class Curves(NamedTuple):
    """A table, and by row and epoch the score, float [rows, epochs]."""

    table: Table
    scores: np.ndarray

    @property
    def epochs(self) -> int:
        """Those of a whole training."""
        return self.scores.shape[1]

    @property
    def lowest(self) -> float:
        """The epochs of the lowest rung, of at least one, before they are rounded."""
        return self.epochs / ETA ** (len(make_budget_rule("asha", {"eta": ETA}).rungs(self.epochs)) - 1)


Trained = Iterator[tuple[int, int, int]]
"""Of each part of a training: the row, the epochs that it had before, and those that it has now."""


def nbnlp(data: Path) -> Curves:
    """NAS-Bench-NLP; a row's curve is the mean over a recipe's trainings of the lowest loss so far."""
    with gzip.open(data / "nbnlp_wikitext2.jsonl.gz", "rt", encoding="utf-8") as lines:
        trained = pd.DataFrame(map(json.loads, lines))
    curves = trained["val"].map(_running_minimum).groupby(trained["recipe"], sort=False).agg(list)
    table, rows = load("nbnlp", data), np.array([np.nanmean(np.array(of_recipe), axis=0) for of_recipe in curves])
    assert np.allclose(rows[:, -1], table.scores, equal_nan=True)
    return Curves(table, rows)


def _running_minimum(losses: list[float | None], epochs: int = 50) -> np.ndarray:
    """A curve that ends early stays where it was."""
    finite = np.array([np.inf if loss is None or not np.isfinite(loss) else loss for loss in losses][:epochs])
    lowest = np.minimum.accumulate(np.pad(finite, (0, epochs - len(finite)), constant_values=np.inf))
    return np.where(np.isinf(lowest), np.nan, lowest)


def trained_on(name: str) -> Curves:
    """The architectures that were trained on a data set, by the highest validation score so far."""
    trained = read(recorded(name))
    numbers = int("stem_kernel" in trained[0]["architecture"])
    space = NasBench201Space() if name == CELLS else EventSequenceSpace(n_numeric=numbers)
    rows = np.maximum.accumulate(np.array([one["scores"] for one in trained]), axis=1)
    pool = TableSpace(space.search_space, [space.search_space.validate(one["architecture"]) for one in trained])
    return Curves(Table(name, pool, rows[:, -1], "maximize", top_share(len(pool), 0.01)), rows)


def ours(known: Curves, strategy: str, rule: str, seed: int) -> Trained:
    """A search of this package; without a rule every trial is a whole training."""
    table, curves, whole = *known, known.epochs
    made = make_budget_rule(rule, {}) if rule else None
    budget = made and Budget(made, whole, len(table.pool), seed)
    search = Search(table.space, make_strategy(strategy, {}), seed=seed, direction=table.direction, budget=budget)
    while True:
        try:
            trial = search.ask()
        except SearchSpaceExhausted:
            return
        row, before = table.pool.row(trial.architecture), int(trial.reached)
        epochs = trial.epochs or whole
        score = curves[row, epochs - 1]
        search.tell(trial, Outcome(score=float(score)) if np.isfinite(score) else None)
        yield row, before, epochs


def optunas(known: Curves, rule: str, seed: int) -> Trained:
    """TPE with a pruner, which is asked after every epoch."""
    table, curves = known
    pruner = PRUNERS[rule](round(known.lowest), known.epochs)
    peer = PrunedOptuna(table, seed, optuna.samplers.TPESampler(seed=seed), pruner)
    while True:
        try:
            asked = peer.ask()
        except SearchSpaceExhausted:
            return
        yield asked.handle, 0, peer.train(asked, curves[asked.handle])


def smacs(known: Curves, seed: int) -> Trained:
    """SMAC's Hyperband, whose trainings may go on from where they were, too."""
    from peers.of_smac import SmacHyperband

    table, curves = known
    peer, done = SmacHyperband(table, seed, (known.lowest, known.epochs)), dict[int, int]()
    while True:
        try:
            row, epochs, info = peer.ask()
        except (SearchSpaceExhausted, StopIteration):
            return
        peer.tell(info, float(curves[row, epochs - 1]) * (1 if table.direction == "minimize" else -1))
        yield row, done.get(row, 0), epochs
        done[row] = epochs


PRUNERS: dict[str, Callable[[int, int], optuna.pruners.BasePruner]] = {
    "": lambda first, whole: optuna.pruners.NopPruner(),
    "successive-halving": lambda first, whole: optuna.pruners.SuccessiveHalvingPruner(
        min_resource=first, reduction_factor=ETA
    ),
    "hyperband-pruner": lambda first, whole: optuna.pruners.HyperbandPruner(first, whole, reduction_factor=ETA),
}


def of_search(trained: Trained, known: Curves) -> list[float]:
    """The epochs until a top row has been trained to its end, and the regrets after the epochs of TRAININGS."""
    table, sign = known.table, 1 if known.table.direction == "maximize" else -1
    limit = np.sort(table.regrets)[table.top - 1]  # rows that are alike count alike
    top, spent = set(np.flatnonzero(table.regrets <= limit).tolist()), 0
    most = needed = len(table.pool) * known.epochs  # of a search that ends without one
    best, regret, regrets = (0, -math.inf), float(table.regrets[np.isfinite(table.regrets)].max()), list[float]()
    for row, before, now in trained:
        spent += now - before
        regrets += [regret] * (sum(spent > known.epochs * many for many in TRAININGS) - len(regrets))
        score = sign * float(known.scores[row, now - 1])
        if math.isfinite(score) and (now, score) > best:
            best, regret = (now, score), float(table.regrets[row])
        if now == known.epochs and row in top:
            needed = min(needed, spent)
        if needed < most and len(regrets) == len(TRAININGS):
            break
    return [needed, *regrets, *[regret] * (len(TRAININGS) - len(regrets))]


def measured(method: str, known: Curves, seeds: int) -> np.ndarray:
    """By seed the epochs, and the regrets; float [seeds, 1 + len(TRAININGS)]."""
    name, _, rule = method.partition("+")
    if name == "smac":
        runs = (smacs(known, seed) for seed in range(seeds))
    elif name == "tpe":
        runs = (optunas(known, rule, seed) for seed in range(seeds))
    else:
        runs = (ours(known, name, rule, seed) for seed in range(seeds))
    return np.array([of_search(run, known) for run in runs])


def main() -> None:
    """Print a row for each table and method: mean with its bootstrap interval, median, mean in trainings, regrets."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="the folder of nbnlp_wikitext2.jsonl.gz")
    parser.add_argument("--tables", nargs="+", default=TABLES, choices=TABLES)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    options = parser.parse_args()
    if "nbnlp" in options.tables and options.data is None:
        parser.error("the table nbnlp needs --data")
    logging.getLogger("nni_nasplus").setLevel(logging.ERROR)
    heads = ["table", "method", "epochs, mean", "95 %", "median", "whole trainings", *(f"after {n}" for n in TRAININGS)]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, method in product(options.tables, options.methods):
        known = nbnlp(options.data) if name == "nbnlp" else trained_on(name)
        epochs, *regrets = measured(method, known, options.seeds).T
        low, high = bootstrap((epochs,), np.mean, rng=0).confidence_interval
        figures = [f"{epochs.mean():,.0f}", f"{low:,.0f}–{high:,.0f}", f"{np.median(epochs):,.0f}"]
        figures += [f"{epochs.mean() / known.epochs:.1f}", *(f"{after.mean():.4f}" for after in regrets)]
        print(f"| {name} | {method} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
