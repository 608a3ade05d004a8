"""What optuna-dashboard shows of a study: user attributes and a note that say what is searched, and what was found."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

import optuna

from nni_nasplus.data.cache import inputs
from nni_nasplus.report.findings import Findings, figure
from nni_nasplus.run.run import Run

__all__ = ["describe_search", "tell_result"]


def describe_search(run: Run, study: optuna.Study) -> None:
    """Say what is searched, on what and how."""
    facts = _facts(run)
    for name, value in facts.items():
        study.set_user_attr(name, value)
    _note(study, [*_lines(facts), f"The result follows at the end of the search: nasplus ui {run.directory}"])


def tell_result(run: Run, study: optuna.Study) -> None:
    """Say what was found, and what stands beside it: the rows of the run's result.

    Raises
    ------
    UserError
        If the result is damaged.
    """
    findings = Findings.of(run)
    if findings.result is None:
        return
    objective, rows = findings.objective, findings.result["rows"]
    study.set_user_attr("winner", findings.result["genotype"])
    for row in rows:
        study.set_user_attr(f"test {objective} of {row['name']}", row["test"][objective])
    winner, table = f"winner: `{findings.result['genotype']}`", "\n".join(_table(objective, rows))
    _note(study, [*_lines(_facts(run)), winner, table])


def _facts(run: Run) -> dict[str, Any]:
    settings = run.settings
    return {
        "data": ", ".join(path.name for path in inputs(run.cache)) or "tables in memory",
        "objective": f"{settings.objective}, {settings.direction}d",
        "strategy": settings.strategy,
    }


def _lines(facts: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {value}" for name, value in facts.items()]


def _table(objective: str, rows: list[Mapping[str, Any]]) -> Iterator[str]:
    """In Markdown, whose columns a bar in a name would part."""
    yield f"| {objective} | validation | test | 95 % of test |"
    yield "|---|---|---|---|"
    for row in rows:
        name, interval = row["name"].replace("|", "\\|"), " to ".join(map(figure, row.get("interval") or ()))
        yield f"| {name} | {figure(row['validation'][objective])} | {figure(row['test'][objective])} | {interval} |"


def _note(study: optuna.Study, paragraphs: list[str]) -> None:
    if importlib.util.find_spec("optuna_dashboard") is None:
        return
    from optuna_dashboard import save_note

    save_note(study, "\n\n".join(paragraphs))
