"""The result: the table of what was found beside what stands next to it, and who wins, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from nni_nasplus._files import damage_named
from nni_nasplus.report.findings import REPORT, Findings, again, figure

__all__ = ["out_of_fold", "verdict"]

_OWN = ("winner", "ensemble")
"""How the rows of what the search itself has found begin."""


def verdict(findings: Findings) -> dict[str, Any]:
    """The rows of the result and sentences about them; without a result, how far the search is."""
    if findings.result is None:
        return {"rows": [], "sentences": [_missing(findings)], "lead": _so_far(findings)}
    with damage_named(findings.run.directory / REPORT, again(findings.run)):
        rows = [_row(row, findings) for row in findings.result["rows"]]
        sentences = list(_sentences(findings.result, findings))
        return {
            "rows": [*rows, *_random_row(findings.result)],
            "sentences": sentences[1:],
            "lead": sentences[0],
            "intervals": any(row["interval"] for row in rows),
            "errors": any(row["error"] for row in rows),
        }


def out_of_fold(result: Mapping[str, Any]) -> str:
    """By what the winner was chosen, of a result whose best architectures were trained on folds."""
    found = result["out_of_fold"]
    mean = f"{found['score']:.4f} ±{found['error']:.4f}"
    return f"the winner is the best of {found['architectures']} architectures by its mean over the folds, {mean}"


def _so_far(findings: Findings) -> str:
    best, finished = findings.history.best, len(findings.history.finished)
    how = f"{finished}{_of(findings.run.settings.most_trials)} trials have ended"
    if not best:
        return f"{how}, and none with a score."
    return f"{how}; the best so far is trial {best[0].number} with {figure(best[0].score)} on the validation examples."


def _of(trials: float) -> str:
    return "" if math.isinf(trials) else f" of {trials}"


def _missing(findings: Findings) -> str:
    if not findings.run.is_over:
        return "The search has not ended."
    what = "repeats under other seeds, plain models, the test examples"
    return f"What follows the last trial ({what}) is not there yet: nasplus resume {findings.run.directory}"


def _row(row: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    objective, error = findings.objective, row.get("error")
    return {
        "name": row["name"],
        "own": row["name"].startswith(_OWN),
        "note": _trained(row),
        "validation": figure(row["validation"][objective]),
        "error": "" if error is None else f"±{error:.4f}",
        "test": figure(row["test"][objective]),
        "interval": [figure(end) for end in row.get("interval") or ()],
    }


def _trained(row: Mapping[str, Any]) -> str:
    trainings, taught = row.get("trainings", 1), row.get("taught")
    if row["name"] != "winner":
        return f"best of {trainings} settings" if trainings > 1 else ""
    mean = [f"mean of {trainings} trainings"] if trainings > 1 else []
    return "; ".join([*mean, *(["then taught by the ensemble"] if taught else [])])


def _random_row(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if result["random_search"] is not None:
        yield {
            "name": f"random search, best of {result['trials']}",
            "own": False,
            "note": f"expected, by {result['random_trials']} random trials",
            "validation": figure(result["random_search"]),
            "error": "",
            "test": figure(result.get("random_search_test")),
            "interval": [],
        }


def _sentences(result: Mapping[str, Any], findings: Findings) -> Iterator[str]:
    """Who wins, then how sure that is."""
    shipped, *others = result["rows"]
    peers = [row for row in others if "interval" in row and not row["name"].startswith(_OWN)]
    best = max(peers, key=lambda row: findings.sign * row["test"][findings.objective], default=None)
    yield _compared(shipped, best, findings)
    if len(findings.history.finished) > result["trials"]:
        yield f"This is the result of the first {result['trials']} trials; more have ended since."
    if result.get("out_of_fold"):
        yield f"{out_of_fold(result).capitalize()}."
    if result.get("unclear", 0) > 1:
        where = "out of fold" if result.get("out_of_fold") else "on the validation examples"
        yield f"The best {result['unclear']} architectures are not to be told apart {where}."
    if result.get("bagged"):
        yield f"The ensemble is bagged over {result['folds']} folds: its validation score is out of fold."
    if result.get("noise"):
        yield f"One training differs from the next, under another seed, by {figure(result['noise'])}."
    if result["random_search"] is not None:
        yield _against_random(result, findings)


def _compared(shipped: Mapping[str, Any], best: Mapping[str, Any] | None, findings: Findings) -> str:
    objective = findings.objective
    mine = shipped["test"][objective]
    what = f"The {shipped['name']} reaches a test {objective} of {figure(mine)}"
    if best is None:
        return f"{what}; no plain model stands beside it."
    theirs = best["test"][objective]
    beside = f"the best plain model, {best['name']}, {figure(theirs)}"
    ahead = findings.sign * (mine - theirs) > 0
    if not shipped.get("interval") or not best.get("interval"):
        order = "ahead of" if ahead else "behind"
        order = "level with" if mine == theirs else order
        return f"{what}, {order} {beside}; how much of that is chance was not measured."
    if _overlap(shipped["interval"], best["interval"]):
        return f"{what}, {beside}. Their intervals overlap: by these test examples they are not to be told apart."
    return f"{what} and is clearly {'ahead of' if ahead else 'behind'} {beside}: their intervals do not overlap."


def _overlap(one: list[float], other: list[float]) -> bool:
    return max(one[0], other[0]) <= min(one[1], other[1])


def _against_random(result: Mapping[str, Any], findings: Findings) -> str:
    best = findings.history.best[0].score
    assert best is not None
    gain = findings.sign * (best - result["random_search"])
    than = f"than random search would be expected to find in {result['trials']} trials"
    return f"The best trial is {abs(gain):.4f} {'better' if gain > 0 else 'worse'} {than}."
