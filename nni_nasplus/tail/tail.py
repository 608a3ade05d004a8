"""The tail of a search: what is believed of its result, what stands beside it, and what is shipped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.plain_space import PlainSpace
from nni_nasplus.run.directory.clock import seconds_used
from nni_nasplus.run.run import Run
from nni_nasplus.tail.bagging import Bagged, bagged, folds_take
from nni_nasplus.tail.baselines import tuned_baselines
from nni_nasplus.tail.believed import believed, not_told_apart
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Contender, trial_contender
from nni_nasplus.tail.distilled import taught_winner
from nni_nasplus.tail.ensemble import Joined, joined
from nni_nasplus.tail.repeats import Repeated, indistinct, repeated
from nni_nasplus.tail.tested import Tested, tested
from nni_nasplus.tail.workers import Workers

__all__ = ["Tail", "run_tail", "split_contenders"]

_ALONE = (0.6, 1.0)
"""The share of the repeats, and of what they leave that of the baselines: repeats decide what is shipped, and are
members of it; baselines are compared with."""
_BESIDE_FOLDS = (0.25, 0.25)
"""Likewise where what is shipped is bagged, and folds decide, of what is left beside those of the first candidate: they
have the rest."""
_WORTH_STARTING = 20.0
"""Seconds of a tail from which on it is trained in several processes: they take some five to come up."""


@dataclass(frozen=True)
class Tail:
    """What followed the last trial.

    Parameters
    ----------
    repeats
        The best architectures with their trainings, best first: by folds where they were bagged.
    baselines
        The tuned baselines by name, each best first.
    ensemble
        Of all; None where nothing was kept to select it by.
    networks
        Of networks of the searched space alone.
    tests
        How each of what may be shipped does on the test examples: the ensemble, the networks, the winner, and the best
        of each baseline by its name.
    folds
        How many folds what is shipped was to be bagged over; 0 where it was not.
    taught
        Whether the winner's network that is shipped was taught by the ensemble.
    """

    repeats: list[Repeated]
    baselines: dict[str, list[Contender]]
    ensemble: Joined | None
    networks: Joined | None
    tests: dict[str, Tested]
    folds: int = 0
    taught: bool = False

    @property
    def winner(self) -> Repeated:
        """The architecture with the best mean, over folds where it was bagged, else over seeds."""
        return self.repeats[0]

    @property
    def bagged(self) -> bool:
        """Whether the ensemble is."""
        return self.ensemble is not None and any(isinstance(one, Bagged) for one in self.ensemble.members)

    @property
    def unclear(self) -> list[Repeated]:
        """Those that cannot be told from the best, it among them."""
        return not_told_apart(self.repeats)


def run_tail(run: Run, note: Callable[[str], None] = lambda text: None) -> Tail:
    """Repeat, compare and join, within the minutes of the settings; what is there from before is taken as it is.

    Parameters
    ----------
    note
        Told what is done now.
    """
    budget = Budget(_seconds(run))
    at_a_time = run.settings.at_a_time if budget.left >= _WORTH_STARTING else 1
    with Workers(run, at_a_time, lambda text: note(text + budget.words)) as workers:
        folds = _folds(run, budget, workers)
        repeats, baselines = _compared(run, budget, workers, folds)
        beside = budget.part(1.0, reserved=_cost(repeats[0].best))
        members = bagged(run, _candidates(repeats, baselines), folds, beside, workers) if folds else []
    repeats = believed(repeats, members, 1.0 if run.settings.direction == "maximize" else -1.0)
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
    ensemble, networks = ensembles["ensemble"], ensembles["networks"]
    taught = _taught(run, ensemble, budget.allows(_cost(repeats[0].best)), note)
    return Tail(repeats, baselines, ensemble, networks, tests | taught, _asked(run), bool(taught))


def _compared(
    run: Run, budget: Budget, workers: Workers, folds: int
) -> tuple[list[Repeated], dict[str, list[Contender]]]:
    """What decides on the winner and what stands beside it, in what is left beside what is reserved."""
    shares, reserved = _BESIDE_FOLDS if folds else _ALONE, _reserved(run, workers, folds)
    repeats = repeated(run, budget.part(shares[0], reserved=reserved), workers)
    spaces, tunings = tunable(run, repeats[0].best.network()), run.settings.baseline_trials
    return repeats, tuned_baselines(run, spaces, tunings, budget.part(shares[1], reserved=reserved), workers)


def _asked(run: Run) -> int:
    """Over how many folds what is shipped is to be bagged; 0 for none."""
    asked = run.settings.folds
    return run.evaluator.recommended_folds if asked == "auto" else asked


def _folds(run: Run, budget: Budget, workers: Workers) -> int:
    """Over how many it is; 0 where there is no time to train the best trial on all of them."""
    asked = _asked(run)
    return asked if budget.allows(_reserved(run, workers, asked)) else 0


def _reserved(run: Run, workers: Workers, folds: int) -> float:
    """The seconds of the best trial's folds, and of each baseline, which is trained once whatever is left."""
    best = trial_contender(run, run.history().best[0])
    return folds_take(best, folds, workers) + folds_take(best, len(tunable(run, best.network())), workers)


def _candidates(repeats: Sequence[Repeated], baselines: Mapping[str, Sequence[Contender]]) -> list[Contender]:
    """What is worth bagging: the best architectures and the best of each baseline.

    First is one that is not clearly behind the best. The cheapest come first, so that as many as can be are bagged.
    """
    first = min(indistinct(repeats), key=lambda one: _cost(one.trainings[0])).trainings[0]
    others = [one.trainings[0] for one in repeats if one.trainings[0] is not first]
    others += [trainings[0] for trainings in baselines.values()]
    return [first, *sorted(others, key=_cost)]


def _cost(one: Contender) -> float:
    return one.outcome.cost or 0.0


def _taught(run: Run, ensemble: Joined | None, has_time: bool, note: Callable[[str], None]) -> dict[str, Tested]:
    """How the winner does that an ensemble of several networks has taught; nothing where it stays as it was."""
    networks = 0 if ensemble is None else sum(len(one.networks) for one in ensemble.members)
    if networks < 2 or not has_time or not run.evaluator.distils:
        return {}
    note("teaching one network what the ensemble says")
    test = taught_winner(run)
    return {} if test is None else {"winner": test}


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
    """By default as long as the search itself has taken by the clock.

    Where a part of that is not known, for it was killed, it is at least as long as its trials have trained.
    """
    if run.settings.tail_minutes is not None:
        return 60 * run.settings.tail_minutes
    costs = [trial.cost for trial in run.history().finished if trial.cost is not None]
    return max(seconds_used(run.directory), sum(costs) / run.settings.at_a_time) if costs else math.inf


def _shipped(run: Run, one: Contender | Joined) -> dict[str, Any]:
    """What it takes to build it again."""
    if isinstance(one, Joined):
        return one.to_json(run)
    member = {**one.to_json(run), "weight": 1.0}
    return {"members": [member], "metrics": dict(one.outcome.metrics), "temperature": 1.0}
