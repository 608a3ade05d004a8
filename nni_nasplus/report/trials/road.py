"""The road of a search in a supernet: the cell of each epoch, and the weights of its operations as a heat map."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from nni_nasplus.one_shot.pictures.road import ROAD, Road
from nni_nasplus.report.findings import Findings
from nni_nasplus.report.trials.leaderboard import drawing_of
from nni_nasplus.run.run import Run

__all__ = ["road", "roads_of"]

_SHOWN = 24
"""Epochs that the slider stops at; a drawing has about 40 kB, and two that follow each other are mostly alike."""


def road(findings: Findings) -> dict[str, Any] | None:
    """The roads of all searches; None where no search left one."""
    searches = [_shown(findings.run, name, one) for name, one in roads_of(findings.run).items()]
    return {"searches": searches} if searches else None


def roads_of(run: Run) -> dict[str, Road]:
    """The roads in the folders of a run, by the names of the searches.

    Raises
    ------
    UserError
        If a file is damaged.
    """
    found = {path.parent.name: Road.load(path) for path in sorted(run.directory.glob(f"*/{ROAD}"))}
    return {name: one for name, one in found.items() if one.stages}


def _shown(run: Run, name: str, one: Road) -> dict[str, Any]:
    """What the page has of one search: some of its stages, and each cell that is in them drawn once."""
    chosen = np.unique(np.linspace(0, len(one.stages) - 1, _SHOWN).round().astype(int))
    stages, pictures = [one.stages[place] for place in chosen], dict[str, str | None]()
    key = run.space.search_space.key
    for stage in stages:
        if key(stage["architecture"]) not in pictures:
            pictures[key(stage["architecture"])] = drawing_of(run, stage["architecture"])
    places = {found: place for place, found in enumerate(pictures)}
    architectures = [stage["architecture"] for stage in one.stages]
    return {
        "name": name,
        "operations": list(one.operations),
        "edges": {cell: list(edges) for cell, edges in one.edges.items()},
        "epochs": one.stages[-1]["epoch"],
        "changes": sum(key(before) != key(after) for before, after in pairwise(architectures)),
        "last": stages[-1],
        "pictures": list(pictures.values()),
        "stages": [
            {"epoch": s["epoch"], "picture": places[key(s["architecture"])], "weights": _in_a_row(one, s["weights"])}
            for s in stages
        ],
    }


def _in_a_row(one: Road, weights: dict[str, list[list[float]]]) -> list[float]:
    """The weights in the order in which the page has them."""
    return [weight for cell in one.edges for row in weights[cell] for weight in row]
