"""The tail of a search: what is believed of its result, what stands beside it, and what is shipped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.plain_space import PlainSpace
from nni_nasplus.run.run import Run
from nni_nasplus.tail.bagging import Bagged, bagged
from nni_nasplus.tail.baselines import tuned_baselines
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Contender, trial_contender
from nni_nasplus.tail.ensemble import Joined, joined
from nni_nasplus.tail.repeats import Repeated, indistinct, repeated
from nni_nasplus.tail.tested import Tested, tested

__all__ = ["Tail", "run_tail", "split_contenders"]

_ALONE = (0.6, 1.0)
"""The share of the repeats, and of what they leave that of the baselines: repeats decide what is shipped, and are
members of it; baselines are compared with."""
_BESIDE_FOLDS = (0.15, 0.2)
"""Likewise where what is shipped is bagged, and folds decide: they have the rest."""


@dataclass(frozen=True)
class Tail:
    """What followed the last trial.

    Parameters
    ----------
    repeats
        The best architectures with their trainings, best first.
    baselines
        The tuned baselines by name, each best first.
    ensemble
        Of all; None where nothing was kept to select it by.
    networks
        Of networks of the searched space alone.
    folds
        How many folds what is shipped was to be bagged over; 0 where it was not.
    tests
        How each of what may be shipped does on the test examples: the ensemble, the networks, the winner, and the best
        of each baseline by its name.
    """

    repeats: list[Repeated]
    baselines: dict[str, list[Contender]]
    ensemble: Joined | None
    networks: Joined | None
    tests: dict[str, Tested]
    folds: int = 0

    @property
    def winner(self) -> Repeated:
        """The architecture with the best mean."""
        return self.repeats[0]

    @property
    def bagged(self) -> bool:
        """Whether the ensemble is."""
        return self.ensemble is not None and any(isinstance(one, Bagged) for one in self.ensemble.members)

    @property
    def unclear(self) -> list[Repeated]:
        """Those that cannot be told from the best, it among them."""
        return indistinct(self.repeats)


def run_tail(run: Run, note: Callable[[str], None] = lambda text: None) -> Tail:
    """Repeat, compare and join, within the minutes of the settings; what is there from before is taken as it is.

    Parameters
    ----------
    note
        Told what is done now.
    """
    budget, asked = Budget(_seconds(run)), _folds(run)
    folds = asked if _fits(run, asked, budget) else 0
    shares = _BESIDE_FOLDS if folds else _ALONE
    note("training the best again, with other seeds")
    repeats = repeated(run, budget.part(shares[0]))
    note("tuning the baselines")
    spaces = tunable(run, repeats[0].best.network())
    baselines = tuned_baselines(run, spaces, run.settings.baseline_trials, budget.part(shares[1]))
    members = bagged(run, _candidates(run, repeats, baselines), folds, budget, note) if folds else []
    note("selecting the ensemble")
    ensembles = _ensembles(run, members or split_contenders(run, repeats, baselines))
    shipped: dict[str, Contender | Joined] = {
        "winner": repeats[0].best,
        **{name: trainings[0] for name, trainings in baselines.items()},
        **{name: one for name, one in ensembles.items() if one is not None},
    }
    note("testing what may be shipped")
    tests = {name: tested(run, one.network()) for name, one in shipped.items()}
    tests["ensemble" if ensembles["ensemble"] is not None else "winner"].keep(run)
    objective = run.settings.objective
    run.select({name: {**_shipped(run, one), "test": tests[name].to_json(objective)} for name, one in shipped.items()})
    return Tail(repeats, baselines, ensembles["ensemble"], ensembles["networks"], tests, asked)


def _folds(run: Run) -> int:
    """How many folds what is shipped is to be bagged over; 0 for none."""
    asked = run.settings.folds
    return run.evaluator.recommended_folds if asked == "auto" else asked


def _fits(run: Run, folds: int, budget: Budget) -> bool:
    """Whether the best trial can be trained on all folds in what repeats and baselines leave."""
    repeats, baselines = _BESIDE_FOLDS
    rest = (1 - repeats) * (1 - baselines)
    return budget.allows(folds * (run.history().best[0].cost or 0.0) / rest)


def _candidates(run: Run, repeats: Sequence[Repeated], baselines: Mapping[str, Sequence[Contender]]) -> list[Contender]:
    """What is worth bagging: the winner, then the next best architectures and the best of each baseline, best first."""
    sign = -1.0 if run.settings.direction == "maximize" else 1.0
    winner, *others = (one.trainings[0] for one in repeats)
    return [winner, *sorted([*others, *(one[0] for one in baselines.values())], key=lambda one: sign * one.score)]


def split_contenders(
    run: Run, repeats: Sequence[Repeated], baselines: Mapping[str, Sequence[Contender]]
) -> list[Contender]:
    """All that was trained on the split of the run, to be selected on its validation examples."""
    trials = [trial_contender(run, trial) for trial in run.history().best]
    again = [one for repeat in repeats for one in repeat.trainings[1:]]
    return [*trials, *again, *(one for trainings in baselines.values() for one in trainings)]


def _ensembles(run: Run, members: Sequence[Contender | Bagged]) -> dict[str, Joined | None]:
    """Of all, and of networks of the searched space alone."""
    own = [one for one in members if one.networks[0].space is run.space]
    return {"ensemble": joined(run, members), "networks": joined(run, own)}


def tunable(run: Run, winner: nn.Module) -> dict[str, NetworkSpace]:
    """The baselines of the space that have choices to tune; the search's own learning rate is tried first."""
    baselines = run.space.baselines(winner)
    rate = getattr(run.evaluator, "learning_rate", None)
    told = {
        name: one.tried_at(rate) if isinstance(one, PlainSpace) and rate else one for name, one in baselines.items()
    }
    return {name: one for name, one in told.items() if isinstance(one, NetworkSpace)}


def _seconds(run: Run) -> float:
    """By default as long as the search itself has taken."""
    if run.settings.tail_minutes is not None:
        return 60 * run.settings.tail_minutes
    costs = [trial.cost for trial in run.history().finished if trial.cost is not None]
    return sum(costs) / run.settings.at_a_time if costs else math.inf


def _shipped(run: Run, one: Contender | Joined) -> dict[str, Any]:
    """What it takes to build it again."""
    if isinstance(one, Joined):
        return one.to_json(run)
    member = {**one.to_json(run), "weight": 1.0}
    return {"members": [member], "metrics": dict(one.outcome.metrics), "temperature": 1.0}
