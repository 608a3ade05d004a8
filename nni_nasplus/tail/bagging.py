"""Bagging over folds: each candidate is a network a fold, which has not learned from it, and their mean is shipped.

Cross-validated committees (Parmanto, Munro & Doyle, NIPS 1996), bagged as in AutoGluon (Erickson et al., arXiv
2003.06505): all examples that train or validate decide what is chosen, by what networks say that never saw them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nni_nasplus.run.run import Run
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Contender, trained
from nni_nasplus.training.predictions import Predictions

__all__ = ["Bagged", "bagged"]

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


def bagged(
    run: Run,
    candidates: Sequence[Contender],
    count: int,
    budget: Budget,
    note: Callable[[str], None] = lambda text: None,
) -> list[Bagged]:
    """Train candidates again without each of so many folds, those that fit the budget.

    Every candidate is divided by the same folds. What is there from before is taken as it is.

    Parameters
    ----------
    candidates
        Best first. Without the first none is trained, for what is left of them would be worse than it is unbagged.
    count
        The number K of folds.
    note
        Told what is done now.

    Returns
    -------
    Those whose networks were all trained, in their order.
    """
    found: list[Bagged] = []
    for one in candidates:
        if budget.allows(count * (one.outcome.cost or 0.0)):
            networks = tuple(_networks(run, one, count, note))
            found += [Bagged(networks)] if len(networks) == count else []
        if not found:
            break
    return found


def _networks(run: Run, one: Contender, count: int, note: Callable[[str], None]) -> Iterator[Contender]:
    """Those of the folds before the first whose training fails."""
    folder = run.directory / _FOLDS / str(count) / one.folder.relative_to(run.directory)
    for fold in range(count):
        note(f"training {one.name} without fold {fold + 1} of {count}")
        place = folder / str(fold)
        network = trained(run, one.name, one.space, one.architecture, place, one.seed, (fold, count))
        if network is None:
            return
        yield network
