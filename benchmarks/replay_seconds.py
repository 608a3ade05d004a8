"""Searches of equal training time on NAS-Bench-201, as its paper compares them (arXiv 2001.00326, table 5).

A search has so many simulated seconds, of which each cell takes those of 12 epochs, and is told the validation
accuracy of one training. Its answer is the cell that it was told the best of; what is shown is the mean test accuracy
of that after 200 epochs.
In the paper searches are told validation accuracies after 12 epochs; the table here has those after 200.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import tables

from nni_nasplus import UserError
from nni_nasplus.replay.replay import Asker, Table, replay

__all__ = ["compare"]

PUBLISHED = {"reinforce": "93.85 ± .37", "evolution": "93.92 ± .30", "random": "93.70 ± .36"}
TABLE = "nb201_cifar10"
Make = Callable[[str, Table, int, int, Path | None], Asker]


def compare(options: argparse.Namespace, make: Make) -> None:
    """Print a row for each method."""
    table = tables.load(TABLE, options.data, noisy=True)
    if table.tests is None:
        raise UserError("test accuracies are needed; name the folder of nb201_zen_naswot.npz with --data")
    print(f"**{TABLE}**: {options.seconds:,.0f} simulated seconds, {options.seeds} seeds\n")
    print("| method | evaluations | test accuracy, mean ± deviation | 95 % interval of the mean | published |")
    print("|---" * 5 + "|")
    for method in options.methods:
        found = list(_searched(method, table, options, make))
        print(_row(method, [count for count, _ in found], [test for _, test in found]), flush=True)


def _searched(method: str, table: Table, options: argparse.Namespace, make: Make) -> Iterator[tuple[int, float]]:
    """By seed, how many cells were trained, and the test accuracy of the answer."""
    assert table.tests is not None
    for seed in range(options.seeds):
        asker = make(method, table, seed, len(table.pool), options.data)
        done = replay(asker, table, budget=len(table.pool), seed=seed, training=options.seconds)
        best = done.rows[int(np.argmax(np.array(done.told, dtype=float)))]
        yield len(done.rows), float(table.tests[best])


def _row(method: str, counts: Sequence[int], tests: Sequence[float]) -> str:
    mean, deviation = np.mean(tests), np.std(tests, ddof=1) if len(tests) > 1 else 0.0
    half = 1.96 * deviation / np.sqrt(len(tests))
    found = f"{mean:.2f} ± {deviation:.2f} | {mean - half:.2f} to {mean + half:.2f}"
    return f"| {method} | {np.mean(counts):.0f} | {found} | {PUBLISHED.get(method.partition(':')[0], '')} |"
