"""The best network for a budget, with the weights that it inherits, and the curve of score against cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from nni_nasplus.networks.limits import Limits
from nni_nasplus.networks.weights import save_weights
from nni_nasplus.one_shot.halves import Passes
from nni_nasplus.one_shot.inherited import recalibrated
from nni_nasplus.one_shot.paths import Paths
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.search.pareto import non_dominated
from nni_nasplus.search.space import Architecture
from nni_nasplus.tail.picking.evolution import Evolution
from nni_nasplus.tail.picking.scores import Costs, Scored, Scores, given
from nni_nasplus.tail.picking.supernet import supernet_of_run, trained
from nni_nasplus.tail.tested import tested
from nni_nasplus.training.trial_folder import WEIGHTS

__all__ = ["Picked", "pick"]

_FOLDER = "picked"
_SCORES = "scores.json"
_CALIBRATED = 100
"""Batches of training examples that the batch norms of what is exported are estimated on."""


@dataclass(frozen=True)
class Picked:
    """What is exported.

    Parameters
    ----------
    model
        The network, with all that new data go through.
    genotype
        Of it.
    score
        Its objective on the validation examples.
    test
        The objective on the test examples, with its interval.
    costs
        What it takes of all that is limited, by limit.
    curve
        What score is had for what cost: see :func:`pick`.
    """

    model: Model
    genotype: str
    score: float
    test: dict[str, Any]
    costs: dict[str, float]
    curve: dict[str, Any]


def pick(run: Run, limits: Limits, samples: int, note: Callable[[str], object]) -> Picked:
    """The path of least inherited loss within limits, whose weights stay as they are; batch norms are estimated anew.

    What is scored stays in the run: another budget begins with it, and one that was asked for before is answered at
    once. The curve has all that was scored, by what the first limit is on, and of its front the objective.

    Parameters
    ----------
    limits
        At least one.
    samples
        Paths that are scored for these limits.
    note
        Hears how far it is.

    Raises
    ------
    UserError
        If the run has trained no such supernet, or its smallest network exceeds the limits.
    """
    search, place = trained(run)
    folder = place / _FOLDER
    scores = Scores(run, folder / _SCORES)
    costs, limit = Costs(run, scores), next(iter(given(limits)))
    best = Evolution(run, search, limits, scores, costs).run_to(samples, note)[0]
    note("measuring the curve")
    for one in [best, *_front(scores, limit, costs)]:
        if one.score is None:
            one.score = _network(run, search, one.architecture, folder)[1][run.settings.objective]
            scores.keep(one)
    network, metrics = _network(run, search, best.architecture, folder)
    test = tested(run, network).to_json(run.settings.objective)
    genotype = run.space.genotype(best.architecture)
    curve: dict[str, Any] = {
        "cost": limit.removeprefix("max_"),
        "objective": run.settings.objective,
        "limits": given(limits),
        "picked": genotype,
        "points": _points(run, scores, limit, costs),
    }
    taken = {name: costs.of(name, best.architecture) for name in given(limits)}
    model = Model.of_members(run, [_member(run, best.architecture, folder)], metrics, 1.0, test)
    return Picked(model, genotype, metrics[run.settings.objective], test, taken, curve)


def _network(
    run: Run, search: Paths, architecture: Architecture, folder: Path
) -> tuple[nn.Module, Mapping[str, float]]:
    """A network with the weights that it inherits and batch norms of its own, left in its folder; and its metrics."""
    weights = _weights(run, architecture, folder)
    supernet = supernet_of_run(search)
    batches = Passes(search.loaders[0], run.settings.seed, lambda: 0, "training")
    taken = islice(batches, min(_CALIBRATED, batches.count))
    with supernet.only(architecture), recalibrated(supernet, search.loss, taken, search.device):
        assert supernet.alone is not None
        save_weights(supernet.alone, weights)
    network = run.space.trained(architecture, weights)
    return network, run.evaluator.validated(network)


def _weights(run: Run, architecture: Architecture, folder: Path) -> Path:
    return folder / run.space.search_space.key(architecture) / WEIGHTS


def _member(run: Run, architecture: Architecture, folder: Path) -> dict[str, Any]:
    """What a model is made of."""
    place = _weights(run, architecture, folder).parent.relative_to(run.directory).as_posix()
    described = {"name": "picked", "space": run.settings.space, "architecture": architecture}
    return {**described, "folder": place, "weight": 1.0}


def _front(scores: Scores, limit: str, costs: Costs) -> list[Scored]:
    """What nothing else dominates in cost and inherited loss."""
    points = np.array([[-costs.of(limit, one.architecture), -one.loss] for one in scores])
    return [one for one, best in zip(scores, non_dominated(points), strict=True) if best]


def _points(run: Run, scores: Scores, limit: str, costs: Costs) -> list[dict[str, Any]]:
    """All that was scored, by its cost."""
    front = {id(one) for one in _front(scores, limit, costs)}
    points = [
        {
            "genotype": run.space.genotype(one.architecture),
            "cost": costs.of(limit, one.architecture),
            "loss": one.loss,
            "score": one.score,
            "front": id(one) in front,
        }
        for one in scores
    ]
    return sorted(points, key=itemgetter("cost"))
