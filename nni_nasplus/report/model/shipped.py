"""The model looked at closely: where it errs, and how far its word can be taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nni_nasplus.data.targets import Classes, Number, Tags, Target
from nni_nasplus.errors import UserError
from nni_nasplus.report.data import data_of
from nni_nasplus.report.findings import Findings, figure, gives_pictures
from nni_nasplus.report.model.answers import classes, number, tags
from nni_nasplus.report.model.enlarged import enlarged
from nni_nasplus.report.model.mistakes import mistakes
from nni_nasplus.report.model.positions import positions
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.tail.tested import TESTED
from nni_nasplus.training.predictions import PREDICTIONS, Predictions

__all__ = ["shipped"]

_SPLITS = {"validation": "val", "test": "test"}
"""What splits are called here, and in the data."""


@dataclass(frozen=True)
class _Said:
    """Of whom, on which examples, and what it says of them; None of texts, whose words are not kept."""

    model: str
    split: str
    predictions: Predictions | None


def shipped(findings: Findings) -> dict[str, Any] | None:
    """What is shipped, on the test examples; while the search runs the best trial so far, on validation examples."""
    if gives_pictures(findings):
        return enlarged(findings)
    said = _said(findings)
    if said is None:
        return None
    told = _closely(findings, said) if said.predictions is not None else _figures(findings)
    return told and {"model": said.model, "split": said.split, **told}


def _said(findings: Findings) -> _Said | None:
    """The test examples are only asked of what the tail has selected: whoever looks at them earlier chooses by them."""
    if findings.result is not None:
        return _Said(f"The {findings.result['rows'][0]['name']}", "test", _tested(findings.run))
    best = next(iter(findings.history.best), None)
    if best is None or not (path := findings.folder(best) / PREDICTIONS).is_file():
        return None
    return _Said(f"Trial {best.number}, the best so far", "validation", Predictions.load(path))


def _tested(run: Run) -> Predictions | None:
    """What the shipped model says of the test examples: as it was kept, or, in runs of before, asked again."""
    path = run.directory / TESTED
    if path.is_file():
        return Predictions.load(path)
    return run.evaluator.tested(Model.of(run).network)[1] if run.evaluator.joins and run.selections else None


def _closely(findings: Findings, said: _Said) -> dict[str, Any] | None:
    assert said.predictions is not None
    target = _target(findings)
    if isinstance(target, Classes):
        told = classes(said.predictions, [str(value) for value in target.values])
        return {**told, "mistakes": mistakes(data_of(findings), said.predictions, _SPLITS[said.split])}
    if isinstance(target, Number):
        return number(said.predictions, target)
    return tags(said.predictions, [str(name) for name in target.names]) if isinstance(target, Tags) else None


def _target(findings: Findings) -> Target | None:
    """What outputs stand for; of images it is their classes."""
    try:
        preprocessing: Any = findings.run.evaluator.preprocessing()
    except UserError:
        return None
    if hasattr(preprocessing, "target"):
        return preprocessing.target  # type: ignore[no-any-return]
    return Classes("class", tuple(preprocessing.classes)) if hasattr(preprocessing, "classes") else None


def _figures(findings: Findings) -> dict[str, Any] | None:
    """The metrics of a model whose answers have no mean, such as a language model's."""
    assert findings.result is not None
    row = findings.result["rows"][0]
    names = [name for name in row["test"] if name in row["validation"]]
    table = [(name, figure(row["validation"][name]), figure(row["test"][name])) for name in names]
    read = positions(row["test"])
    return {"kind": "figures", "table": table, "vocabulary": _vocabulary(findings), "test": row["test"], "read": read}


def _vocabulary(findings: Findings) -> int | None:
    """Of a language model, how many tokens it knows."""
    size = findings.run.settings.space["init_args"].get("vocabulary")
    return size if isinstance(size, int) else None
