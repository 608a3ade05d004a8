"""Bagging over folds: each candidate is a network a fold, which has not learned from it, and their mean is shipped.

Cross-validated committees (Parmanto, Munro & Doyle, NIPS 1996), bagged as in AutoGluon (Erickson et al., arXiv
2003.06505): all examples that train or validate decide what is chosen, by what networks say that never saw them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nni_nasplus.run.run import Run
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Contender, Training
from nni_nasplus.tail.workers import Workers
from nni_nasplus.training.predictions import Predictions

__all__ = ["Bagged", "bagged", "folds_take"]

Found = dict[str, dict[Path, Contender | None]]
"""By candidate the folders of its folds that have ended, and the networks there; None where that failed."""
_FOLDS = "folds"
"""The folder in a run directory."""


@dataclass(frozen=True)
class Bagged:
    """A candidate as K networks, one a fold, in the order of the folds."""

    networks: tuple[Contender, ...]

    @property
    def name(self) -> str:
        """That of the candidate."""
        return self.networks[0].name

    @property
    def predictions(self) -> Predictions | None:
        """Out of fold: what is said of each training or validation example by the network that has not learned from it.

        They are in the order of the folds; None where that was not kept.
        """
        said = [one.predictions for one in self.networks]
        known = [one for one in said if one is not None]
        if len(known) < len(said):
            return None
        return Predictions(np.concatenate([p.outputs for p in known]), np.concatenate([p.labels for p in known]))


def bagged(run: Run, candidates: Sequence[Contender], count: int, budget: Budget, workers: Workers) -> list[Bagged]:
    """Train candidates again without each of so many folds, those that fit the budget.

    Every candidate is divided by the same folds. What is there from before is taken as it is.

    Parameters
    ----------
    candidates
        In order of use. Without the first none is trained, for what is left of them would be worse than it is unbagged.
    count
        The number K of folds.

    Returns
    -------
    Those whose networks were all trained, in their order.
    """
    found: Found = {one.name: {} for one in candidates}
    turns = _turns(run, candidates, count, lambda one: budget.allows(folds_take(one, count, workers)), found)
    for training, network in workers.each(lambda: next(turns, None)):
        found[training.name][training.folder] = network
    members = [_member(networks, count) for networks in found.values()]
    return [one for one in members if one] if members and members[0] else []


def folds_take(one: Contender, count: int, workers: Workers) -> float:
    """The seconds of training a candidate on so many folds, by those that it has taken itself."""
    return math.ceil(count / workers.at_a_time) * (one.outcome.cost or 0.0)


def _turns(
    run: Run, candidates: Sequence[Contender], count: int, allows: Callable[[Contender], bool], found: Found
) -> Iterator[Training]:
    """The folds of each candidate that is allowed, up to the first that fails."""
    folder = run.directory / _FOLDS / str(count)
    for one in candidates:
        if allows(one):
            for fold in range(count):
                if None not in found[one.name].values():
                    place = folder / one.folder.relative_to(run.directory) / str(fold)
                    yield Training(one.name, one.space, one.architecture, place, one.seed, (fold, count))
        elif one is candidates[0]:
            return
        if None in found[candidates[0].name].values():
            return


def _member(networks: Mapping[Path, Contender | None], count: int) -> Bagged | None:
    """A candidate as what it is on each fold; None where one is missing."""
    whole = sorted((one for one in networks.values() if one), key=lambda one: one.fold or 0)
    return Bagged(tuple(whole)) if len(whole) == count else None
