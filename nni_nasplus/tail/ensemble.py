"""The ensemble that a search ships: of what it trained, what is best together on the validation examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.link import Link, means_of, outputs_of
from nni_nasplus.ensembles.calibration import temperature_of
from nni_nasplus.ensembles.greedy import greedy_ensemble
from nni_nasplus.ensembles.network import Ensemble
from nni_nasplus.run.run import Run
from nni_nasplus.tail.bagging import Bagged
from nni_nasplus.tail.contender import Contender
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.predictions import Predictions

__all__ = ["Joined", "joined"]

MEMBERS = 5
"""The most networks of an ensemble: half as many again bring little more, and each costs a forward pass."""
ROUNDS = 20
"""Additions of greedy selection: weights are multiples of a twentieth."""


@dataclass(frozen=True)
class Joined:
    """An ensemble: its members with their weights, heaviest first, and how it does on the validation examples.

    What is bagged is scored out of fold.
    """

    members: tuple[Contender | Bagged, ...]
    weights: tuple[float, ...]
    temperature: float
    metrics: dict[str, float]
    link: Link

    @property
    def weighted(self) -> list[tuple[Contender, float]]:
        """Its networks and their weights: those of what is bagged share its weight."""
        pairs = zip(self.members, self.weights, strict=True)
        return [(one, weight / len(member.networks)) for member, weight in pairs for one in member.networks]

    def network(self) -> Ensemble:
        """The network that it is."""
        networks, weights = zip(*((one.network(), weight) for one, weight in self.weighted), strict=True)
        return Ensemble(networks, weights, self.temperature, self.link).eval()

    def to_json(self, run: Run) -> dict[str, Any]:
        """What it takes to build it again."""
        members = [{**one.to_json(run), "weight": weight} for one, weight in self.weighted]
        return {"members": members, "temperature": self.temperature, "metrics": self.metrics}


def joined(run: Run, contenders: Sequence[Contender | Bagged], members: int = MEMBERS) -> Joined | None:
    """Select an ensemble of contenders, or of what was bagged on the same folds.

    Returns
    -------
    The ensemble; None where nothing was kept of what they say of the validation examples.
    """
    kept = [(one, said) for one in contenders if (said := one.predictions) is not None]
    if not kept:
        return None
    evaluator, labels = run.evaluator, kept[0][1].labels
    link = evaluator.link
    means = [means_of(said.outputs, link) for _, said in kept]
    weights = greedy_ensemble(means, _score(evaluator, labels), rounds=ROUNDS, members=members)
    outputs = outputs_of(np.add.reduce([weight * means[i] for i, weight in weights.items()]), link)
    temperature = temperature_of(outputs, labels, link)
    metrics = evaluator.measure(Predictions(outputs / np.float32(temperature), labels))
    return Joined(tuple(kept[i][0] for i in weights), tuple(weights.values()), temperature, metrics, link)


def _score(evaluator: Evaluator, labels: NDArray[Any]) -> Any:
    """The objective of means, higher being better; where it ties, their likelihood decides."""
    sign = 1.0 if evaluator.direction == "maximize" else -1.0

    def score(means: NDArray[np.float64]) -> float:
        predictions = Predictions(outputs_of(means, evaluator.link), labels)
        metrics = evaluator.measure(predictions, (evaluator.objective, "loss"))
        return sign * metrics[evaluator.objective] - 1e-6 * metrics["loss"]

    return score
