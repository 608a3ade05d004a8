"""One network that says what an ensemble says: SeqNAS' distillation (arXiv 2401.03246), with an ensemble as teacher."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from nni_nasplus.errors import TrialFailed, UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import instantiate
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.search.trial import Outcome
from nni_nasplus.tail.tested import Tested, tested
from nni_nasplus.training.distillation.loss import Teachers
from nni_nasplus.training.distillation.settings import Distillation
from nni_nasplus.training.distillation.teachers import logits_of
from nni_nasplus.training.trial_folder import WEIGHTS, outcome_in, write_outcome

__all__ = ["DISTILLED", "UNTAUGHT", "distil", "taught_winner"]

DISTILLED = "distilled"
"""The name of the selection, and the folder in a run directory."""
UNTAUGHT = "untaught"
"""The name of the selection of what the winner was before it was taught."""
_OF_CLASSES = Distillation(weight=0.5, loss="kl", n_teachers=1)
"""Half of the loss is the ensemble's probabilities, which no scale of logits hides, half the labels."""
_OF_OTHERS = Distillation(weight=0.5, loss="mse", n_teachers=1)
"""Numbers and tags have no probabilities of sum 1."""


def taught_winner(run: Run) -> Tested | None:
    """Let the ensemble teach the winner, and ship that as ``winner`` where it is no worse on the validation examples.

    What it was before is then selected as ``untaught``.

    Returns
    -------
    How it does on the test examples; None where the winner stays as it was.
    """
    try:
        test = distil(run)
    except TrialFailed:
        return None
    before, taught = run.selections["winner"], run.selections[DISTILLED]
    sign = 1 if run.settings.direction == "maximize" else -1
    after, untaught = (sign * one["metrics"][run.settings.objective] for one in (taught, before))
    if after < untaught:
        return None
    run.select({**run.selections, "winner": taught, UNTAUGHT: before})
    return test


def distil(run: Run) -> Tested:
    """Train the winner's architecture to say what the ensemble says, and select it as ``distilled``.

    What the same ensemble has taught before is not trained again.

    Returns
    -------
    How it does on the test examples.

    Raises
    ------
    UserError
        If the run has no ensemble, or its training cannot be taught.
    TrialFailed
        If a metric becomes NaN or infinite.
    """
    winner, ensemble = run.selected(UNTAUGHT) or run.selected("winner"), run.selected()
    if winner is None or ensemble is None:
        raise UserError(f"{run.directory} has no ensemble to teach; let the search end: nasplus resume {run.directory}")
    (member,) = winner["members"]
    folder = Path(DISTILLED) / _key(member, ensemble)
    network, metrics = _taught(run, member, run.directory / folder)
    taught = {**member, "name": f"{member['name']}, taught by the ensemble", "folder": folder.as_posix()}
    test = tested(run, network)
    selected = {"members": [taught], "metrics": metrics, "temperature": 1.0}
    run.select({**run.selections, DISTILLED: {**selected, "test": test.to_json(run.settings.objective)}})
    return test


def _key(member: Mapping[str, Any], ensemble: Mapping[str, Any]) -> str:
    """Another for another pupil or teacher."""
    told = json.dumps([member, ensemble["members"], ensemble["temperature"]], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _taught(run: Run, member: Mapping[str, Any], folder: Path) -> tuple[nn.Module, Mapping[str, float]]:
    """The network of a member as the ensemble teaches it, and its validation metrics: as it is there, or trained."""
    space, architecture = instantiate(member["space"], NetworkSpace), member["architecture"]
    if outcome := outcome_in(folder):
        return space.trained(architecture, folder / WEIGHTS), outcome.metrics
    evaluator = run.evaluator.tuned(architecture)
    examples = evaluator.examples()
    settings = _OF_CLASSES if evaluator.link == "softmax" else _OF_OTHERS
    teachers = Teachers(settings, (), examples.ids, (logits_of(Model.of(run).network, examples),))
    with evaluator.seeded():
        network = space.build(architecture)
    metrics = evaluator.fit(network, folder, teachers=teachers)
    write_outcome(folder, Outcome(score=metrics[run.settings.objective], metrics=metrics))
    return network, metrics
