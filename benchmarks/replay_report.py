"""What the replays say: a Markdown table a table and batch, figures of the regret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import peers

from nni_nasplus.replay.curves import draw_curves
from nni_nasplus.replay.replay import Table
from nni_nasplus.replay.resampling import Estimate, estimate_mean, estimate_median, estimate_ratio, median

__all__ = ["write"]

MARKS = (30, 50, 100)
Lines = Sequence[Mapping[str, Any]]


def write(
    lines: Lines, tables: Mapping[str, Table], methods: Sequence[str], budget: int, ours: str, out: Path | None
) -> None:
    """Print the tables and, with ``out``, draw the figures."""
    for batch in sorted({line["batch"] for line in lines}):
        for name, table in tables.items():
            chosen = [line for line in lines if line["table"] == name and line["batch"] == batch]
            print(markdown(chosen, table, methods, budget, ours, batch))
        print(in_pairs([line for line in lines if line["batch"] == batch], tables, methods, budget, ours))
        if out is not None:
            figures([line for line in lines if line["batch"] == batch], tables, methods, batch, out)


def figures(lines: Lines, tables: Mapping[str, Table], methods: Sequence[str], batch: int, out: Path) -> None:
    """Draw ``replay_nb201.svg`` and so on, a panel a table, as far as all replays of a table go."""
    out.mkdir(parents=True, exist_ok=True)
    for group in sorted({name.partition("_")[0] for name in tables}):
        members = [name for name in tables if name.partition("_")[0] == group]
        own = {name: [line for line in lines if line["table"] == name] for name in members}
        panels = {name: curves(own[name], tables[name], methods) for name in members}
        path = out / f"replay_{group}{'' if batch == 1 else f'_batch{batch}'}"
        ours = [method for method in methods if method not in peers.NAMES and method != "random"]
        for suffix in ("svg", "png"):
            draw_curves(panels, path.with_suffix(f".{suffix}"), ours)


def curves(lines: Lines, table: Table, methods: Sequence[str]) -> dict[str, np.ndarray]:
    """By method, the regret of the best so far; float [seeds, evaluations of the shortest replay]."""
    length = min(len(line["rows"]) for line in lines)
    found = {m: [line["rows"][:length] for line in lines if line["method"] == m] for m in methods}
    return {m: np.minimum.accumulate(table.regrets[np.array(rows)], axis=1) for m, rows in found.items() if rows}


def markdown(lines: Lines, table: Table, methods: Sequence[str], budget: int, ours: str, batch: int) -> str:
    """One table: a row for every method, best first."""
    found = {m: by_seed([line for line in lines if line["method"] == m]) for m in methods}
    found = {m: replays for m, replays in found.items() if replays}
    hits = {m: {seed: hit(line, table) for seed, line in replays.items()} for m, replays in found.items()}
    header = [
        f"**{table.name}**: {len(table.pool):,} architectures, batch {batch}, evaluations to the top {table.top}",
        "",
        f"| method | evaluations | {ours} is faster × | "
        + " | ".join(f"regret at {n}" for n in MARKS)
        + " | ms a proposal | seeds |",
        "|---" * (6 + len(MARKS)) + "|",
    ]
    order = sorted(found, key=lambda m: float(median(np.array(list(hits[m].values())))))
    return "\n".join([*header, *(_row(m, found[m], hits, table, budget, ours) for m in order), ""])


def in_pairs(lines: Lines, tables: Mapping[str, Table], methods: Sequence[str], budget: int, ours: str) -> str:
    """Over all tables, each replay beside that of ``ours`` by the same seed; what was never found took the budget."""
    counts = {
        (line["method"], line["table"], line["seed"]): min(hit(line, tables[line["table"]]), budget) for line in lines
    }
    header = [
        f"**All tables**, in pairs with {ours} by seed; intervals of 95 %",
        "",
        "| method | geometric mean of the ratios | more evaluations: mean | median | pairs |",
        "|---|---|---|---|---|",
    ]
    others = [m for m in methods if m != ours and any(line["method"] == m for line in lines)]
    return "\n".join([*header, *(_pairs_row(m, counts, ours) for m in others), ""])


def _pairs_row(method: str, counts: Mapping[tuple[str, str, int], float], ours: str) -> str:
    pairs = [
        (count, counts[ours, *where])
        for (m, *where), count in counts.items()
        if m == method and (ours, *where) in counts
    ]
    if not pairs:
        return f"| {method} | | | | 0 |"
    theirs, own = np.array(pairs).T
    ratio = Estimate(*np.exp(estimate_mean(np.log(theirs / own))))
    more = theirs - own
    median_ = shown(estimate_median(more), "+.0f")
    return f"| {method} | {shown(ratio, '.2f')} | {shown(estimate_mean(more), '+.1f')} | {median_} | {len(pairs)} |"


def by_seed(lines: Lines) -> dict[int, Mapping[str, Any]]:
    """The replays by seed."""
    return {line["seed"]: line for line in sorted(lines, key=lambda line: line["seed"])}


def hit(line: Mapping[str, Any], table: Table) -> float:
    """Evaluations until the target, infinite where it was not found."""
    return table.reached(line["rows"]) or float("inf")


def _row(
    method: str,
    replays: Mapping[int, Mapping[str, Any]],
    hits: Mapping[str, Mapping[int, float]],
    table: Table,
    budget: int,
    ours: str,
) -> str:
    seconds = [1000 * line["seconds"] / len(line["rows"]) for line in replays.values()]
    regrets = [estimate_median([regret(line, table, n) for line in replays.values()]) for n in MARKS]
    limit = min(budget, len(table.pool))
    cells = [
        method,
        shown(estimate_median(list(hits[method].values())), ".0f", limit),
        _ratio(hits, method, ours),
        *(shown(estimate, ".3g") for estimate in regrets),
        f"{np.median(seconds):.1f}",
        str(len(replays)),
    ]
    return f"| {' | '.join(cells)} |"


def _ratio(hits: Mapping[str, Mapping[int, float]], method: str, ours: str) -> str:
    if ours not in hits or method == ours:
        return ""
    seeds = sorted(set(hits[ours]) & set(hits[method]))
    return shown(estimate_ratio([hits[ours][s] for s in seeds], [hits[method][s] for s in seeds]), ".2f")


def regret(line: Mapping[str, Any], table: Table, evaluations: int) -> float:
    """The regret of the best row among the first ``evaluations``."""
    return float(table.regrets[line["rows"][:evaluations]].min())


def shown(estimate: Estimate, form: str, limit: int | None = None) -> str:
    """``12 (9 to 15)``; what was never reached is above the limit."""
    never = "∞" if limit is None else f">{limit}"
    value, low, high = (never if np.isinf(x) else format(x, form) for x in estimate)
    return f"{value} ({low} to {high})"
