"""What a search says in the terminal: the best architectures, and once it has ended what stands beside them.

It reads files alone: what a finished search shows needs no torch, whose import takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from nni_nasplus._files import damage_named
from nni_nasplus.cli.notation import Notation
from nni_nasplus.networks.limits import written
from nni_nasplus.report.findings import REPORT, Findings, again, tau_interval
from nni_nasplus.report.verdict import out_of_fold, verdict
from nni_nasplus.run.run import Run

__all__ = ["print_result"]

_SHOWN = 5


def print_result(run: Run, top: int = _SHOWN) -> None:
    """Print the best trials and, where the search has ended, the comparison."""
    console, findings = Console(), Findings.of(run)
    console.print(_trials(findings, top))
    if legend := (findings.result or {}).get("notation"):
        console.print(f"architecture: {legend}", highlight=False, markup=False)
    if run.settings.costs:
        console.print(_front(findings))
    if found := _agreement(findings):
        how = f"{run.settings.strategy}, {run.settings.make_strategy().presearched}"
        console.print(
            f"Kendall's τ between the order of {how}, and the scores of {found['trials']} trials of it: "
            f"{found['kendall']:.2f} (1 for the same order, 0 for chance)",
            highlight=False,
            soft_wrap=True,
        )
    if findings.result is not None:
        tables, genotype, better = _reported(findings.result, run)
        for table in tables:
            console.print(table)
        console.print(f"winner: {genotype}   files: {run.directory}", highlight=False, soft_wrap=True)
        console.print(verdict(findings)["lead"], highlight=False, soft_wrap=True)
        if better:
            remedy = f"nasplus export {run.directory} --to MODEL --members {better}"
            console.print(f"to write {better} alone: {remedy}", highlight=False, soft_wrap=True)
    run.warn_of_edits()


def _agreement(findings: Findings) -> Mapping[str, Any] | None:
    """How far an order from before the first trial agrees with scores: as the result keeps it, else as it is now."""
    if findings.result is not None and "presearch" in findings.result:
        kept: Mapping[str, Any] | None = findings.result["presearch"]
        return kept
    history = findings.history
    if (ranking := findings.run.ranking(history.space)) is None:
        return None
    from nni_nasplus.predictors.assessment import agreement  # with scikit-learn it takes seconds to import

    found = agreement(ranking, history.space, history.observations)
    return None if found is None else asdict(found)


def _reported(result: Mapping[str, Any], run: Run) -> tuple[list[Table], str, str | None]:
    """The tables of a report, the winner, and the baseline whose test score is better, if one is."""
    with damage_named(run.directory / REPORT, again(run)):
        predictors = [_trust(result["predictors"])] if result.get("predictors") else []
        return [_comparison(result), *predictors], result["genotype"], result.get("better")


def _trials(findings: Findings, top: int) -> Table:
    history, objective = findings.history, findings.objective
    failed = [trial for trial in history.finished if trial.status == "failed"]
    rejected = sum(trial.status == "rejected" for trial in history.trials)
    caption = f"{len(history.finished)} trials, {len(failed)} failed"
    if rejected:
        caption += f"; {rejected} proposals exceeded the limits and were not trained"
    taught = any(trial.teachers for trial in history.trials)
    paused = any(trial.epochs is not None for trial in history.trials)
    architecture = Column("architecture", overflow="fold")  # a notation that is cut could not be copied
    columns = ("trial", architecture, f"validation\n{objective}", "parameters", "seconds")
    timed = any("latency_ms" in trial.metrics for trial in history.best)
    more = [*(["latency_ms"] if timed else []), *(["epochs"] if paused else []), *(["teachers"] if taught else [])]
    table = Table(*columns, *more, title="best architectures")
    for trial in history.best[:top]:
        parameters, seconds = trial.metrics.get("parameters", 0), trial.cost or trial.metrics.get("seconds", 0)
        genotype, teachers = findings.genotype(trial), ", ".join(map(str, trial.teachers))
        row = (str(trial.number), Notation(genotype), f"{trial.score:.4f}", f"{parameters:,.0f}", f"{seconds:.1f}")
        latency = [written(trial.metrics["latency_ms"]) if "latency_ms" in trial.metrics else ""] if timed else []
        table.add_row(*row, *latency, *([f"{trial.reached:g}"] if paused else []), *([teachers] if taught else []))
    for trial in failed[:top]:
        table.add_row(str(trial.number), Notation(findings.genotype(trial)), "failed", "", trial.reason or "")
    table.caption = caption
    return table


def _front(findings: Findings) -> Table:
    """The trials that none other dominates in score and costs."""
    objective, costs, directory = findings.objective, findings.run.settings.costs, findings.run.directory
    architecture = Column("architecture", overflow="fold")
    title = f"Pareto front of {objective} and {', '.join(costs)}"
    table = Table("trial", architecture, f"validation {objective}", *costs, title=title)
    for trial in findings.history.front:
        figures = [written(trial.metrics[name]) for name in costs]
        table.add_row(str(trial.number), Notation(findings.genotype(trial)), f"{trial.score:.4f}", *figures)
    table.caption = f"each of them is written by: nasplus export {directory} --to MODEL --trial NUMBER"
    return table


def _comparison(result: Mapping[str, Any]) -> Table:
    objective = result["objective"]
    intervals = ["95% of test"] if any(row.get("interval") for row in result["rows"]) else []
    figures = [Column(name, no_wrap=True) for name in ("validation", "test", *intervals)]
    table = Table("", *figures, title=f"{objective} of what was found, and of what stands beside it")
    for row in result["rows"]:
        error = f" ±{row['error']:.4f}" if row.get("error") else ""
        low_high = "–".join(f"{end:.4f}" for end in row.get("interval") or ())
        validation, test = row["validation"][objective], row["test"][objective]
        table.add_row(
            _title(row, result), f"{validation:.4f}{error}", f"{test:.4f}", *([low_high] if intervals else [])
        )
    if result["random_search"] is not None:
        known = result.get("random_search_test")
        test = "" if known is None else f"{known:.4f}"
        table.add_row(f"random search, best of {result['trials']}", f"{result['random_search']:.4f}", test)
    table.caption = "\n".join(_caption(result))
    return table


def _caption(result: Mapping[str, Any]) -> Iterator[str]:
    if learned := result.get("learned_from"):
        weights = ", ".join(f"{name} {_short(weight)}" for name, weight in learned.items())
        yield f"learned from: {weights} (how far each was believed in the end, together at most 1)"
    if places := result.get("remembered"):
        yield f"what they proposed came in at place {', '.join(map(str, places))} of {result['trials']} trials"
    if result.get("noise"):
        yield f"one training differs from the next under another seed by {result['noise']:.4f}"
    if folds := result.get("folds"):
        yield _bagged(folds, is_done=result["bagged"])
    if result.get("out_of_fold"):
        yield out_of_fold(result)
    if result.get("unclear", 0) > 1:
        yield f"the best {result['unclear']} architectures are not to be told apart"
    if result["random_search"] is not None:
        yield f"random search: what is expected, by the {result['random_trials']} random trials of this run"


def _bagged(folds: int, *, is_done: bool) -> str:
    if is_done:
        return (
            f"the ensemble is bagged over {folds} folds: its validation score is out of fold, of all users but the test"
        )
    return f"no time was left to bag the ensemble over {folds} folds: give more by --tail-minutes, or --folds 0"


def _short(weight: float) -> str:
    """``.71``, ``1`` or ``0``."""
    return f"{weight:.2f}".lstrip("0").rstrip("0").rstrip(".") or "0"


def _trust(predictors: Mapping[str, Mapping[str, float]]) -> Table:
    columns = ("Kendall's τ", "95% of τ", "within 1σ", "within 2σ")
    table = Table("predictor", *columns, title="predictors, on trials held back")
    for name, found in predictors.items():
        shares = (f"{found[share]:.0%}" for share in ("within_1", "within_2"))
        table.add_row(name, f"{found['kendall']:.2f}", tau_interval(found), *shares)
    table.caption = "1 is the right order, by chance where 0 is in the interval; 68% and 95% are the right certainty"
    return table


def _title(row: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """The name, with what else is known of it."""
    name = str(row["name"])
    if name == "winner":
        teachers = ", ".join(map(str, result.get("teachers") or ()))
        again = f", trained {row['trainings']} times" if row.get("trainings", 1) > 1 else ""
        if row.get("taught"):
            return f"{name}{again}, then taught by the ensemble"
        return f"{name}{again}, taught by trials {teachers}" if teachers else name + again
    return f"{name}, best of {row['trainings']}" if row.get("trainings", 1) > 1 else name
