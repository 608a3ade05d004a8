"""The ensemble that a search ships: of what it trained, what is best together on the validation examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.link import Link, means_of, outputs_of
from nni_nasplus.ensembles.bagged import bagged_ensemble
from nni_nasplus.ensembles.calibration import temperature_of
from nni_nasplus.ensembles.network import Ensemble
from nni_nasplus.run.run import Run
from nni_nasplus.tail.bagging import Bagged
from nni_nasplus.tail.contender import Contender
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.predictions import Predictions

__all__ = ["Joined", "joined"]

MEMBERS = 10
"""The most members of an ensemble: each costs a forward pass, and of what is bagged one a fold."""
LOSS_SHARE = 0.1
"""What of the log loss is taken from the score that ensembles are selected by: ROC-AUC or accuracy of a few hundred
examples says little, and nothing of how sure one may be (SAR of Caruana et al., 2004, is of the same kind)."""
_TIE_BREAK = 1e-6
"""The same where numbers are predicted, whose errors have units of their own."""


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
    rng = np.random.default_rng(run.settings.seed)
    weights = bagged_ensemble(means, labels, _score(evaluator), rng, members=members)
    outputs = outputs_of(np.add.reduce([weight * means[i] for i, weight in weights.items()]), link)
    temperature = temperature_of(outputs, labels, link)
    metrics = evaluator.measure(Predictions(outputs / np.float32(temperature), labels))
    return Joined(tuple(kept[i][0] for i in weights), tuple(weights.values()), temperature, metrics, link)


def _score(evaluator: Evaluator) -> Callable[[NDArray[np.float64], NDArray[Any]], float]:
    """The objective of means and the labels of their examples, less a share of their log loss; higher is better."""
    sign = 1.0 if evaluator.direction == "maximize" else -1.0
    link = evaluator.link
    share = _TIE_BREAK if link == "identity" else LOSS_SHARE

    def score(means: NDArray[np.float64], labels: NDArray[Any]) -> float:
        metrics = evaluator.measure(Predictions(outputs_of(means, link), labels), (evaluator.objective, "loss"))
        return sign * metrics[evaluator.objective] - share * metrics["loss"]

    return score
