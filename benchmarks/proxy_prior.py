"""Does a zero-cost proxy help a search? NAS-Bench-201 (arXiv 2001.00326), searched with and without NASWOT.

    python benchmarks/proxy_prior.py --data DATA [--table nb201_cifar10] [--seeds 20] [--trials 100] [--pool 200]

DATA has ``nb201_200ep.npz``, and ``nb201_zen_naswot.npz`` with the published NASWOT value of each cell on CIFAR-10.
For each seed a pool of random cells is ranked by those values. The ranks are the prior of ``thompson``, and the order
in which ``proxy`` trains. A trial tells the mean validation accuracy of the cell's published trainings.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tables
from scipy.stats import bootstrap
from tqdm import tqdm

from nni_nasplus.replay.replay import Table, replay, top_share
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.search import Search
from nni_nasplus.search.strategy import make_strategy

SHARES = (0.01, 0.001)
AFTER = (10, 20, 50, 100)


def naswot(data: Path) -> np.ndarray:
    """The published value of each row of the table; NaN for some; float [rows]."""
    with np.load(data / "nb201_200ep.npz", allow_pickle=False) as file:
        cells = np.array([tables.OPS.index(op) for op in file["ops"]])[file["arch"]]
    with np.load(data / "nb201_zen_naswot.npz", allow_pickle=False) as file:
        return file["naswot_score_cifar10"].astype(float)[np.lexsort(cells.T[::-1])]


def ranked_pool(table: Table, scores: np.ndarray, size: int, seed: int) -> Ranking:
    """What a presearch would find."""
    rows = np.random.default_rng(seed).choice(len(scores), size, replace=False)
    return Ranking.of(table.pool.take(rows), scores[rows])


def regrets(table: Table, name: str, ranking: Ranking | None, seed: int, trials: int) -> np.ndarray:
    """The regret of each trial."""
    search = Search(table.space, make_strategy(name, {}), seed=seed, direction=table.direction, ranking=ranking)
    return table.regrets[replay(search, table, budget=trials).rows]


def needed(table: Table, regrets: np.ndarray, share: float) -> float:
    """Trials until one of the best share of the table; infinite where it was not found."""
    limit = np.sort(table.regrets)[top_share(len(table.pool), share) - 1]
    found = np.flatnonzero(regrets <= limit)
    return float(found[0] + 1) if len(found) else np.inf


def interval(values: np.ndarray, statistic: Callable[..., Any]) -> str:
    """The statistic over seeds with its 95 % bootstrap interval."""
    ends = bootstrap((values,), statistic, method="percentile", rng=0, n_resamples=2000).confidence_interval
    return f"{statistic(values):.2f} [{ends.low:.2f}, {ends.high:.2f}]"


def report(table: Table, found: dict[str, np.ndarray], after: list[int]) -> None:
    """Print trainings needed, and the best accuracy by trials."""
    shares = [f"to the best {share:.1%}" for share in SHARES]
    print("  ".join(f"{title:>22s}" for title in ["median, mean [95 %]", *shares, *(f"best of {n}" for n in after)]))
    for name, regrets in found.items():
        trials = [np.array([needed(table, one, share) for one in regrets]) for share in SHARES]
        best = [np.nanmax(table.scores) - regrets[:, :n].min(1) for n in after]
        cells = [interval(one, np.median) for one in trials] + [interval(one, np.mean) for one in best]
        print("  ".join(f"{cell:>22s}" for cell in [name, *cells]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the tables")
    parser.add_argument("--table", default="nb201_cifar10", choices=list(tables.NB201))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--pool", type=int, default=200, help="cells ranked")
    options = parser.parse_args()
    table, scores = tables.load(options.table, options.data), naswot(options.data)
    found: dict[str, list[np.ndarray]] = {"random": [], "proxy": [], "thompson": [], "thompson, naswot": []}
    for seed in tqdm(range(options.seeds)):
        ranking = ranked_pool(table, scores, options.pool, seed)
        for name, searches in found.items():
            given = ranking if name in ("proxy", "thompson, naswot") else None
            searches.append(regrets(table, name.partition(",")[0], given, seed, options.trials))
    after = [n for n in AFTER if n <= options.trials]
    report(table, {name: np.array(searches) for name, searches in found.items()}, after)


if __name__ == "__main__":
    main()
