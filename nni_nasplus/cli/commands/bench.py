"""``nasplus bench``: would another strategy have been faster?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table as Printed

from nni_nasplus import registry
from nni_nasplus._files import new_file, read_json
from nni_nasplus._progress import progress_bar
from nni_nasplus.errors import UserError
from nni_nasplus.replay.curves import draw_curves
from nni_nasplus.replay.replay import Replay, Table, parse_method, replay, top_share
from nni_nasplus.replay.resampling import Estimate, estimate_median, random_median
from nni_nasplus.run.run import SETTINGS
from nni_nasplus.search.history import History
from nni_nasplus.search.journal import JOURNAL, Journal
from nni_nasplus.search.search import Search
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.search.table_space import TableSpace

__all__ = ["bench"]

FIGURE = "bench.svg"
FEWEST = 10
_SHARE = 0.05
_RANDOM, _RUN = "random", "this run"

Replays = Mapping[str, Sequence[Replay]]


def bench(directory: str, *, strategies: str | None = None, seeds: int = 20, batch: int | None = None) -> None:
    """Search again, with every strategy, among the architectures that a search has trained.

    Parameters
    ----------
    directory
        The directory given to --out, or any that holds a search's journal.
    strategies
        Which ones, separated by spaces, options as in "evolution:population_size=5,sample_size=2"; without, all that
        learn from trials.
    seeds
        How often to replay each.
    batch
        How many architectures are in training at a time; as many as in the search itself without.
    """
    if seeds < 2:
        raise UserError(f"--seeds is {seeds}; use 2 or more")
    batch = _concurrency(Path(directory)) if batch is None else batch
    if batch < 1:
        raise UserError(f"--batch is {batch}; use 1 or more")
    table = trained(Path(directory).resolve().name, Journal.read(Path(directory) / JOURNAL).history)
    methods = strategies.split() if strategies else _learning()
    for method in methods:
        _search(method, table, 0)
    figure = Path(directory) / FIGURE
    with new_file(figure) as partial:
        found = _replayed(table, methods, seeds, batch)
        title = f"{table.name}: the {len(table.pool)} architectures it trained"
        draw_curves({title: _curves(table, found)}, partial, methods)
    console = Console()
    console.print(_printed(table, found))
    console.print(_answer(table, found), f"regret by evaluations: {figure}", sep="\n", highlight=False, soft_wrap=True)


def _learning() -> list[str]:
    return [name for name in registry.available("strategies") if registry.load("strategies", name).learns]


def trained(name: str, history: History) -> Table:
    """The finished trials as a table, in the order in which they were proposed.

    Raises
    ------
    UserError
        If fewer than ten trials have a score.
    """
    trials = history.finished
    done = sum(trial.status == "done" for trial in trials)
    if done < FEWEST:
        raise UserError(
            f"the search has {done} trials with a score, a replay needs {FEWEST}; search with more --trials"
        )
    known = history.scores
    scores = np.array([np.nan if (score := known[trial.number]) is None else score for trial in trials])
    pool = TableSpace(history.space, [trial.architecture for trial in trials])
    return Table(name, pool, scores, history.direction, top=1)


def _concurrency(directory: Path) -> int:
    settings = directory / SETTINGS
    return read_json(settings).get("concurrency", 1) if settings.is_file() else 1


def _search(method: str, table: Table, seed: int) -> Search:
    name, options = parse_method(method)
    return Search(table.space, make_strategy(name, options), seed=seed, direction=table.direction)


def _replayed(table: Table, methods: Sequence[str], seeds: int, batch: int) -> Replays:
    """Every strategy with every seed until it has the best."""
    found: dict[str, list[Replay]] = {method: [] for method in methods}
    with progress_bar("replaying", len(methods) * seeds, "searches") as advance:
        for method in methods:
            for seed in range(seeds):
                asker = _search(method, table, seed)
                found[method].append(replay(asker, table, budget=len(table.pool), batch=batch, enough=1))
                advance(1)
    return found


def _curves(table: Table, found: Replays) -> dict[str, np.ndarray]:
    """Regret by evaluations; a replay ends with the best, so what is left of its curve is 0."""
    curves = {_RUN: np.array([_curve(table, _own(table))])}
    return curves | {method: np.array([_curve(table, r.rows) for r in replays]) for method, replays in found.items()}


def _curve(table: Table, rows: list[int]) -> np.ndarray:
    best = np.minimum.accumulate(table.regrets[rows])
    return np.concatenate([best, np.zeros(len(table.pool) - len(rows))])


def _own(table: Table) -> list[int]:
    """The search itself: it evaluated the rows in their order."""
    return list(range(len(table.pool)))


def _printed(table: Table, found: Replays) -> Printed:
    rows = len(table.pool)
    tops = (1, max(2, top_share(rows, _SHARE)))
    title = f"evaluations, of {rows} trained architectures"
    printed = Printed("", "to the best", f"to one of the best {tops[1]}", title=title)
    printed.add_row(_RUN, *(str(table.reached(_own(table), top)) for top in tops))
    printed.add_row(f"{_RANDOM}, exact", *(str(random_median(rows, top)) for top in tops))
    for method, replays in found.items():
        printed.add_row(method, *(_shown(_estimate(table, replays, top)) for top in tops))
    seeds = len(next(iter(found.values())))
    printed.caption = (
        f"medians over {seeds} seeds, 95 % intervals. Only what was trained can be replayed, and this run's own "
        "strategy chose that: a hint for your next search, weaker the fewer the trials, and no proof."
    )
    return printed


def _estimate(table: Table, replays: Sequence[Replay], top: int) -> Estimate:
    return estimate_median([table.reached(r.rows, top) or np.inf for r in replays])


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.0f} ({estimate.low:.0f} to {estimate.high:.0f})"


def _answer(table: Table, found: Replays) -> str:
    """Which strategies reach the best in fewer evaluations than the run itself did, by their whole interval."""
    own = table.reached(_own(table)) or len(table.pool)
    estimates = {method: _estimate(table, replays, 1) for method, replays in found.items()}
    faster = sorted((estimate.value, method) for method, estimate in estimates.items() if estimate.high < own)
    if not faster:
        return f"no strategy is clearly faster than the {own} evaluations of this run"
    return f"faster than the {own} evaluations of this run: " + ", ".join(f"{m} ({n:.0f})" for n, m in faster)
