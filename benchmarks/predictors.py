"""How every predictor orders architectures that were held back, and how sure it is, on tables of trained ones.

python benchmarks/predictors.py --data DIR [--tables …] [--predictors …] [--known N] [--seeds N]

Each fit sees --known random rows of a table, and predicts 200 others. τ is Kendall's; "within 1" is the share of
results within one standard deviation of the prediction, the noise of a training included: .68 where it knows how sure
it is.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from pathlib import Path

import numpy as np
import tables
from scipy.stats import kendalltau

from nni_nasplus import UserError, registry
from nni_nasplus.predictors.assessment import Results, held_back
from nni_nasplus.replay.replay import Table

UNKNOWN = 200


def drawn(table: Table, known: int, seed: int) -> tuple[Results, Results]:
    """What a predictor learns from, and what it is asked about."""
    finite = np.flatnonzero(np.isfinite(table.scores))
    rows = np.random.default_rng(seed).permutation(finite)[: known + UNKNOWN]
    utilities = table.scores if table.direction == "maximize" else -table.scores
    parts = rows[: min(known, len(rows) // 2)], rows[min(known, len(rows) // 2) :]
    one, other = ((table.pool.take(part.tolist()), utilities[part]) for part in parts)
    return one, other


def assessed(name: str, table: Table, known: int, seeds: int) -> tuple[float, float]:
    """Mean Kendall's τ, and the share of results within one deviation."""
    taus, within = [], []
    for seed in range(seeds):
        learned, asked = drawn(table, known, seed)
        mean, residual = held_back(registry.load("predictors", name)(table.pool, seed=seed), learned, asked)
        taus.append(np.nan_to_num(kendalltau(mean, asked[1]).statistic))
        within.append((np.abs(residual) <= 1).mean())
    return float(np.mean(taus)), float(np.mean(within))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder of the tables' files")
    parser.add_argument("--tables", nargs="+", default=tables.NAMES, choices=tables.NAMES)
    parser.add_argument("--predictors", nargs="+", default=registry.available("predictors"))
    parser.add_argument("--known", type=int, default=100, help="rows to learn from")
    parser.add_argument("--seeds", type=int, default=5, help="draws of rows")
    options = parser.parse_args()
    sys.stdout.write(f"| τ (within 1) | {' | '.join(options.tables)} |\n{'|---' * (1 + len(options.tables))}|\n")
    loaded = [tables.load(name, options.data) for name in options.tables]
    for name in options.predictors:
        sys.stdout.write(f"| `{name}` |")
        for table in loaded:
            tau, within = assessed(name, table, options.known, options.seeds)
            sys.stdout.write(f" {tau:.2f} ({within:.2f}) |")
            sys.stdout.flush()
        sys.stdout.write("\n")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.stderr.write(f"predictors: error: {error}\n")
        sys.exit(2)
