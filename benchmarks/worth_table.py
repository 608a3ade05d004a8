"""The tables of the benchmark ``worth.py``: test scores by task, and paired differences with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy import stats

__all__ = ["MULTIROCKET", "print_tables"]

MULTIROCKET = "MultiRocket"
_SHOWN = (
    *("ensemble", "without folds", "networks", "distilled", "winner", "untaught winner", "best of the initial ones"),
    *("transformer", "random ensemble", "random winner", "boosting", "GRU", "LSTM", MULTIROCKET),
)
_SPREADS = ("noise of a training", "spread of architectures")


def print_tables(lines: list[dict[str, Any]], console: Console) -> None:
    """Print the mean over seeds of each contender on each task, and how the shipped one differs from each."""
    if not lines:
        return
    scores = pd.DataFrame(lines).pivot_table(index=["task", "seed"], columns="contender", values="test", sort=False)
    console.print(_by_task(scores))
    console.print(_differences(scores))


def _by_task(scores: pd.DataFrame) -> Table:
    shown = [name for name in (*_SHOWN, *_SPREADS) if name in scores]
    table = Table("task", "seeds", *shown, title="test score, mean over seeds")
    means = scores.groupby("task", sort=False).mean()
    counts = scores.groupby("task", sort=False).size()
    for task, row in means.iterrows():
        table.add_row(str(task), str(counts[task]), *map(_figure, row[shown]))
    table.add_row("mean", "", *(f"{means[name].mean():.4f}" for name in shown), end_section=True)
    return table


def _figure(score: float) -> str:
    """A score; nothing where a contender has none of a task."""
    return "" if np.isnan(score) else f"{score:.4f}"


def _differences(scores: pd.DataFrame) -> Table:
    """Of the ensemble and the winner from each other contender: the mean over tasks, and its 95 % interval."""
    ours = [name for name in ("ensemble", "winner") if name in scores]
    table = Table("against", *ours, title="paired differences, mean over tasks and seeds, 95 % by Student's t")
    others = {name: scores[name] for name in _SHOWN if name in scores}
    others["better of GRU and LSTM"] = _best(scores, "GRU", "LSTM")
    others["best of all three"] = best = _best(scores, "GRU", "LSTM", "boosting")
    for other, theirs in others.items():
        table.add_row(other, *(_interval(scores[name] - theirs) for name in ours))
    table.add_section()
    for task in scores.index.unique("task"):
        of_task = {name: (scores[name] - best).loc[[task]] for name in ours}
        table.add_row(f"best of all three on {task}", *map(_interval, of_task.values()))
    return table


def _best(scores: pd.DataFrame, *names: str) -> pd.Series:
    return scores[[name for name in names if name in scores]].max(axis=1)


def _interval(differences: pd.Series) -> str:
    found = differences.dropna()
    if len(found) < 2 or not found.any():
        return f"{found.mean():+.4f}" if found.any() else ""
    half = stats.t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
    return f"{found.mean():+.4f} ±{half:.4f}"
