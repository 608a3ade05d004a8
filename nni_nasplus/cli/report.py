"""What a finished search says: the best architectures, the baselines, the untouched test scores."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from nni_nasplus._files import damage_named, read_json, write_json
from nni_nasplus.errors import UserError
from nni_nasplus.predictors.assessment import assess_all
from nni_nasplus.replay.expected import chances_of_best, expected_best
from nni_nasplus.run.run import Run
from nni_nasplus.search.history import Trial
from nni_nasplus.training.evaluator import share_cores

__all__ = ["REPORT", "print_result", "report"]

REPORT = "report.json"
"""The file in a run directory."""
_SHOWN = 5
_FEWEST = 3
_UNLIKELY = 0.01


def report(run: Run) -> None:
    """Train the baselines, test them and the winner, keep and print the result.

    Raises
    ------
    UserError
        If no trial succeeded.
    """
    history = run.history()
    if not history.best:
        reasons = sorted({trial.reason or "no reason left" for trial in history.finished if trial.status == "failed"})
        raise UserError(f"no trial succeeded: {'; '.join(reasons[:3])}; all is in {run.directory}")
    with Console(file=sys.stderr).status("training the baselines, testing the winner"):
        write_json(run.directory / REPORT, _result(run))
    print_result(run)


def _result(run: Run) -> dict[str, Any]:
    share_cores(run.settings.concurrency)
    history, evaluator = run.history(), run.evaluator
    winner = history.best[0]
    objective = run.settings.objective
    found = run.network(winner)
    rows = [_row("winner", {**winner.metrics, objective: winner.score}, evaluator.test(found))]
    with evaluator.seeded():
        baselines = run.space.baselines(found)
    for name, network in baselines.items():
        metrics = evaluator.fit(network, run.directory / "baselines" / name)
        rows.append(_row(name, metrics, evaluator.test(network)))
    rows += _known_before(run)
    count = len(history.finished)
    return {
        "objective": objective,
        "winner": winner.number,
        "teachers": list(winner.teachers),
        "genotype": run.space.genotype(winner.architecture),
        "trials": count,
        "rows": rows,
        **_random_search(run, count),
        "predictors": _predictors(run),
    }


def _known_before(run: Run) -> list[dict[str, Any]]:
    """The best that the search began with; and what it found without any training, beside the mean of random ones."""
    trials = run.history().best
    by_origin = {origin: [t for t in trials if t.origin == origin] for origin in ("initial", "presearch", "random")}
    drawn = by_origin["random"] if by_origin["presearch"] else []
    groups = {
        "best of the initial ones": by_origin["initial"][:1],
        f"{run.settings.strategy}, without training": by_origin["presearch"][:1],
        f"random, mean of {len(drawn)}": drawn,
    }
    return [_mean_row(run, name, group) for name, group in groups.items() if group]


def _mean_row(run: Run, name: str, trials: Sequence[Trial]) -> dict[str, Any]:
    evaluator, objective = run.evaluator, run.settings.objective
    tested = [evaluator.test(run.network(trial))[objective] for trial in trials]
    scores = [trial.score for trial in trials if trial.score is not None]
    return _row(name, {objective: fmean(scores)}, {objective: fmean(tested)})


def _random_search(run: Run, count: int) -> dict[str, Any]:
    """What random search of as many trials would have reached, on average, by the random trials of this run."""
    evaluator, direction = run.evaluator, run.settings.direction
    drawn = [trial for trial in run.history().finished if trial.origin == "random" and trial.status == "done"]
    if len(drawn) < _FEWEST:
        return {"random_search": None, "random_search_test": None, "random_trials": len(drawn)}
    scores = [trial.score for trial in drawn if trial.score is not None]
    chances = chances_of_best(scores, count, direction)
    likely = [(chance, trial) for chance, trial in zip(chances, drawn, strict=True) if chance > _UNLIKELY]
    tests = [evaluator.test(run.network(trial))[evaluator.objective] for _, trial in likely]
    return {
        "random_search": expected_best(scores, count, direction),
        "random_search_test": float(np.average(tests, weights=[chance for chance, _ in likely])),
        "random_trials": len(drawn),
    }


def _predictors(run: Run) -> dict[str, dict[str, float]]:
    """How well each predictor orders the trials of this search, and knows its error."""
    history = run.history()
    return {name: asdict(found) for name, found in assess_all(history.space, history.observations).items()}


def _row(name: str, validation: dict[str, Any], test: dict[str, float]) -> dict[str, Any]:
    return {"name": name, "validation": validation, "test": test}


def print_result(run: Run, top: int = _SHOWN) -> None:
    """Print the best trials and, where the search has ended, the comparison."""
    console = Console()
    console.print(_trials(run, top))
    path = run.directory / REPORT
    if path.is_file():
        tables, genotype = _reported(path, run)
        for table in tables:
            console.print(table)
        console.print(f"winner: {genotype}   files: {run.directory}", highlight=False, soft_wrap=True)
    run.warn_of_edits()


def _reported(path: Path, run: Run) -> tuple[list[Table], str]:
    """The tables of a report, and the winner."""
    remedy = f"remove it, and have it made again by: nasplus resume {run.directory}"
    result = read_json(path, remedy)
    with damage_named(path, remedy):
        predictors = [_trust(result["predictors"])] if result.get("predictors") else []
        return [_comparison(result), *predictors], result["genotype"]


def _trials(run: Run, top: int) -> Table:
    history, objective = run.history(), run.settings.objective
    failed = [trial for trial in history.finished if trial.status == "failed"]
    rejected = sum(trial.status == "rejected" for trial in history.trials)
    caption = f"{len(history.finished)} trials, {len(failed)} failed"
    if rejected:
        caption += f"; {rejected} proposals exceeded the limits and were not trained"
    taught = any(trial.teachers for trial in history.trials)
    columns = ("trial", "architecture", f"validation {objective}", "parameters", "seconds")
    table = Table(*columns, *(["teachers"] if taught else []), title="best architectures")
    for trial in history.best[:top]:
        parameters, seconds = trial.metrics.get("parameters", 0), trial.metrics.get("seconds", 0)
        genotype, teachers = run.space.genotype(trial.architecture), ", ".join(map(str, trial.teachers))
        row = (str(trial.number), genotype, f"{trial.score:.4f}", f"{parameters:,.0f}", f"{seconds:.1f}")
        table.add_row(*row, *([teachers] if taught else []))
    for trial in failed[:top]:
        table.add_row(str(trial.number), run.space.genotype(trial.architecture), "failed", "", trial.reason or "")
    table.caption = caption
    return table


def _comparison(result: dict[str, Any]) -> Table:
    objective = result["objective"]
    table = Table("", f"validation {objective}", f"test {objective}", title="winner and baselines, at equal epochs")
    for row in result["rows"]:
        table.add_row(_title(row, result), f"{row['validation'][objective]:.4f}", f"{row['test'][objective]:.4f}")
    if result["random_search"] is not None:
        known = result.get("random_search_test")
        test = "" if known is None else f"{known:.4f}"
        table.add_row(f"random search, best of {result['trials']} expected", f"{result['random_search']:.4f}", test)
        table.caption = f"random search estimated from the {result['random_trials']} random trials of this run"
    return table


def _trust(predictors: dict[str, dict[str, float]]) -> Table:
    table = Table("predictor", "Kendall's τ", "within 1σ", "within 2σ", title="predictors, on trials held back")
    for name, found in predictors.items():
        table.add_row(name, f"{found['kendall']:.2f}", f"{found['within_1']:.0%}", f"{found['within_2']:.0%}")
    table.caption = "1 is the right order; 68% and 95% are the right certainty"
    return table


def _title(row: dict[str, Any], result: dict[str, Any]) -> str:
    teachers = result.get("teachers") if row["name"] == "winner" else None
    return f"{row['name']}, taught by trials {', '.join(map(str, teachers))}" if teachers else str(row["name"])
