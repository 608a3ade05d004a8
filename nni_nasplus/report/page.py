"""The page: its sections in the order in which people ask, filled into templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from nni_nasplus._files import unlink_file, write_text
from nni_nasplus.errors import UserError
from nni_nasplus.report.commands import commands
from nni_nasplus.report.data import data
from nni_nasplus.report.findings import Findings
from nni_nasplus.report.model.shipped import shipped
from nni_nasplus.report.spent import duration, spent
from nni_nasplus.report.trials.effects import effects
from nni_nasplus.report.trials.front import front
from nni_nasplus.report.trials.leaderboard import leaderboard
from nni_nasplus.report.trials.learning import learning
from nni_nasplus.report.trials.progress import progress
from nni_nasplus.report.trials.road import road, roads_of
from nni_nasplus.report.trust import trust
from nni_nasplus.report.verdict import verdict
from nni_nasplus.run.run import Run
from nni_nasplus.search.summary import rounded_count

__all__ = ["PAGE", "ROAD_PAGE", "page", "waiting_page", "write_page", "write_road"]

PAGE, ROAD_PAGE = "report.html", "road.html"
"""The files in a run directory."""
_EXACT = 1_000_000
"""Counts from here on have no room in large figures but as a power of ten."""
Maker = Callable[[Findings], dict[str, Any] | None]
_SECTIONS: dict[str, tuple[str, Maker]] = {
    "verdict": ("Result", verdict),
    "data": ("What was searched, and on what", data),
    "progress": ("How the search went", progress),
    "front": ("Score against cost", front),
    "leaderboard": ("The best architectures", leaderboard),
    "effects": ("What good architectures share", effects),
    "road": ("The road of the cell", road),
    "shipped": ("The model, looked at closely", shipped),
    "learning": ("Learning curves", learning),
    "spent": ("Time and failures", spent),
    "trust": ("Can the predictor be trusted?", trust),
    "commands": ("How to go on", commands),
}
"""By the name of its template and anchor: the title, and what makes the content."""


@dataclass(frozen=True)
class Section:
    """A part of the page; without content it says what it lacks.

    Parameters
    ----------
    name
        Of the template, and of the anchor.
    title
        Above it.
    content
        What the template is given.
    lack
        Why there is none.
    """

    name: str
    title: str
    content: dict[str, Any] | None
    lack: str = ""


def write_page(run: Run, to: Path | None = None) -> Path:
    """Write the page of a run to a file, by default ``report.html`` in its directory.

    Raises
    ------
    UserError
        If the run has no trial yet, a file of it is damaged, or the page cannot be written.
    """
    path = to or run.directory / PAGE
    content = page(run)
    if to is None:
        unlink_file(path)
    write_text(path, content)
    return path


def write_road(run: Run) -> Path | None:
    """Write the road of a search in a supernet to ``road.html`` in its run's directory; None where there is none.

    Raises
    ------
    UserError
        If a file of it is damaged, or the page cannot be written.
    """
    if not roads_of(run):
        return None
    findings, path = Findings.of(run), run.directory / ROAD_PAGE
    lead = f"What {run.settings.strategy} would have answered after each epoch"
    content = {"c": road(findings), "name": run.directory.name, "lead": lead, "version": None}
    unlink_file(path)
    write_text(path, _templates().get_template("road_page.html").render(**content))
    return path


def page(run: Run, version: str | None = None) -> str:
    """A whole page of HTML that asks nothing of any network. The same run gives the same page.

    Parameters
    ----------
    version
        Of a page that is served: it asks its server for the latest, and loads itself again where that is another.

    Raises
    ------
    UserError
        If the run has no trial yet, or its journal or its result is damaged.
    """
    findings = Findings.of(run)
    sections = list(_sections(findings))
    return (
        _templates()
        .get_template("page.html")
        .render(
            name=run.directory.name,
            objective=findings.objective,
            lead=next(one.content["lead"] for one in sections if one.name == "verdict" and one.content),
            facts=list(_facts(findings)),
            sections=sections,
            version=version,
        )
    )


def waiting_page(run: Run, version: str, reason: str) -> str:
    """A page that is served until there is something to show; why there is not."""
    return _templates().get_template("frame.html").render(name=run.directory.name, lead=reason, version=version)


def _sections(findings: Findings) -> Iterator[Section]:
    """Those that have something to say, or should have and say why they have not."""
    for name, (title, make) in _SECTIONS.items():
        try:
            content = make(findings)
        except UserError as error:
            if name == "verdict":
                raise
            yield Section(name, title, None, str(error))
        else:
            if content is not None:
                yield Section(name, title, content)


def _facts(findings: Findings) -> Iterator[tuple[str, str]]:
    """What stands in large figures at the top."""
    history = findings.history
    yield f"{len(history.finished):,}", "trials"
    if findings.failed:
        yield f"{len(findings.failed):,}", "failed"
    if history.space.size is not None:
        yield rounded_count(history.space.size, _EXACT), "architectures in the space"
    costs = [trial.cost for trial in history.finished if trial.cost is not None]
    if costs:
        yield duration(sum(costs)), "of training in the search"
    yield findings.run.settings.strategy, "strategy"


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("nni_nasplus.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
