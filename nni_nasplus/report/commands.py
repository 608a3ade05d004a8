"""The commands to go on with."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import Any

from nni_nasplus.errors import UserError
from nni_nasplus.report.findings import Findings, gives_pictures

__all__ = ["commands"]

_NEW = {"events": "new_events.csv", "images": "new_pictures/", "text": "new_text.txt"}
"""Names of new data, by what the preprocessing reads."""


def commands(findings: Findings) -> dict[str, Any]:
    """What each does, and how it is written."""
    return {"commands": list(_commands(findings))}


def _commands(findings: Findings) -> Iterator[tuple[str, str]]:
    where, finished = quote(str(findings.run.directory)), len(findings.history.finished)
    if findings.result is None:
        yield "go on with the search, if it does not run any more", f"nasplus resume {where}"
    else:
        yield "search on, with twice as many trials", f"nasplus resume {where} --trials {2 * finished}"
    if findings.history.best:
        yield f"write the model as files that {_purpose(findings)}", f"nasplus export {where} --to MODEL"
    if findings.result is not None and findings.result.get("better"):
        member = quote(str(findings.result["better"]))
        yield (
            "write the plain model whose test score is better",
            f"nasplus export {where} --to MODEL --members {member}",
        )
    if findings.history.best and (source := _source(findings)) in _NEW:
        into = "--pictures enlarged/" if gives_pictures(findings) else "--to predictions.csv"
        yield _purpose(findings), f"nasplus predict MODEL --{source} {_NEW[source]} {into}"
    if findings.winner is not None:
        yield "draw a trial into a file", f"nasplus show {where} --trial {findings.winner.number}"
    yield "make this page anew", f"nasplus report {where}"


def _purpose(findings: Findings) -> str:
    return "enlarge new pictures" if gives_pictures(findings) else "score new data"


def _source(findings: Findings) -> str:
    try:
        return findings.run.evaluator.preprocessing().source
    except UserError:
        return ""
