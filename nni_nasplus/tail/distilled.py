"""One network that says what an ensemble says: SeqNAS' distillation (arXiv 2401.03246), with an ensemble as teacher."""

from __future__ import annotations

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import instantiate
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.tail.tested import tested
from nni_nasplus.training.distillation.loss import Teachers
from nni_nasplus.training.distillation.settings import Distillation
from nni_nasplus.training.distillation.teachers import logits_of

__all__ = ["DISTILLED", "distil"]

DISTILLED = "distilled"
"""The name of the selection, and the folder in a run directory."""
_OF_CLASSES = Distillation(weight=0.5, loss="kl", n_teachers=1)
"""Half of the loss is the ensemble's probabilities, which no scale of logits hides, half the labels."""
_OF_OTHERS = Distillation(weight=0.5, loss="mse", n_teachers=1)
"""Numbers and tags have no probabilities of sum 1."""


def distil(run: Run) -> None:
    """Train the winner's architecture to say what the ensemble says, and select it as ``distilled``.

    Raises
    ------
    UserError
        If the run has no ensemble, or its training cannot be taught.
    """
    winner = run.selected("winner")
    if winner is None or run.selected() is None:
        raise UserError(f"{run.directory} has no ensemble to teach; let the search end: nasplus resume {run.directory}")
    (member,) = winner["members"]
    space = instantiate(member["space"], NetworkSpace)
    evaluator = run.evaluator.tuned(member["architecture"])
    examples = evaluator.examples()
    settings = _OF_CLASSES if evaluator.link == "softmax" else _OF_OTHERS
    teachers = Teachers(settings, (), examples.ids, (logits_of(Model.of(run).network, examples),))
    with evaluator.seeded():
        network = space.build(member["architecture"])
    metrics = evaluator.fit(network, run.directory / DISTILLED, teachers=teachers)
    taught = {**member, "name": "distilled", "folder": DISTILLED}
    test = tested(run, network).to_json(run.settings.objective)
    selected = {"members": [taught], "metrics": metrics, "temperature": 1.0, "test": test}
    run.select({**run.selections, DISTILLED: selected})
