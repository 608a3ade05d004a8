"""The best network for a budget, with the weights that it inherits, and the curve of score against cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

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
    search = trained(run)
    folder = run.directory / run.settings.strategy / _FOLDER
    scores = Scores(run, folder / _SCORES)
    costs = Costs(run, scores)
    best = Evolution(run, search, limits, scores, costs).run_to(samples, note)[0]
    note("measuring the curve")
    for one in [best, *_front(list(scores), next(iter(given(limits))), costs)]:
        if one.score is None:
            leave_network(run, search, one.architecture, folder / "curve")
            metrics = run.evaluator.validated(run.space.trained(one.architecture, folder / "curve" / WEIGHTS))
            one.score = metrics[run.settings.objective]
            scores.keep(one)
    return _picked(run, search, best, limits, costs, list(scores), folder)


def leave_network(run: Run, search: Paths, architecture: Architecture, folder: Path) -> None:
    """Leave the weights that a network inherits, with batch norms of its own, in a folder."""
    supernet = supernet_of_run(search)
    batches = Passes(search.loaders[0], run.settings.seed, lambda: 0, "training")
    taken = islice(batches, min(_CALIBRATED, batches.count))
    with supernet.only(architecture), recalibrated(supernet, search.loss, taken, search.device):
        assert supernet.alone is not None
        save_weights(supernet.alone, folder / WEIGHTS)


def _front(scored: list[Scored], limit: str, costs: Costs) -> list[Scored]:
    """What nothing else dominates in cost and inherited loss."""
    points = np.array([[-costs.of(limit, one.architecture), -one.loss] for one in scored])
    return [one for one, best in zip(scored, non_dominated(points), strict=True) if best]


def _picked(
    run: Run, search: Paths, best: Scored, limits: Limits, costs: Costs, scored: list[Scored], folder: Path
) -> Picked:
    key, genotype = run.space.search_space.key(best.architecture), run.space.genotype(best.architecture)
    leave_network(run, search, best.architecture, folder / key)
    network = run.space.trained(best.architecture, folder / key / WEIGHTS)
    metrics, test = run.evaluator.validated(network), tested(run, network).to_json(run.settings.objective)
    member = {
        "name": "picked",
        "space": run.settings.space,
        "architecture": best.architecture,
        "folder": (folder / key).relative_to(run.directory).as_posix(),
        "weight": 1.0,
    }
    taken = {name: costs.of(name, best.architecture) for name in given(limits)}
    limit = next(iter(taken))
    points = [_point(run, one, limit, costs, front) for one, front in _curve(scored, limit, costs)]
    curve = {"cost": limit.removeprefix("max_"), "objective": run.settings.objective, "picked": genotype}
    curve |= {"limits": given(limits), "points": points}
    model = Model.of_members(run, [member], metrics, 1.0, test)
    return Picked(model, genotype, metrics[run.settings.objective], test, taken, curve)


def _curve(scored: list[Scored], limit: str, costs: Costs) -> list[tuple[Scored, bool]]:
    """All by their cost, and whether each is on the front."""
    front = _front(scored, limit, costs)
    ordered = sorted(scored, key=lambda one: costs.of(limit, one.architecture))
    return [(one, one in front) for one in ordered]


def _point(run: Run, one: Scored, limit: str, costs: Costs, front: bool) -> dict[str, Any]:
    return {
        "genotype": run.space.genotype(one.architecture),
        "cost": costs.of(limit, one.architecture),
        "loss": one.loss,
        "score": one.score,
        "front": front,
    }
