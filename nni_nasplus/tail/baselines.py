"""What stands beside a search: plain networks of the field, tuned as a user would tune them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.run.run import Run
from nni_nasplus.search.search import Search
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Contender, Training
from nni_nasplus.tail.workers import Workers

__all__ = ["tuned_baselines"]

Found = dict[str, dict[Path, Contender | None]]
"""By baseline the folders of its trainings in order, and what they are; None where that failed or has not ended."""


def tuned_baselines(
    run: Run, spaces: dict[str, NetworkSpace], tunings: int, budget: Budget, workers: Workers
) -> dict[str, list[Contender]]:
    """Train so many choices of each baseline, in turns: first what people try first, then random choices.

    Every baseline is trained once, and none after the budget is used.

    Returns
    -------
    By baseline its trainings, best first; nothing of one whose trainings all failed.
    """
    sign = -1.0 if run.settings.direction == "maximize" else 1.0
    found: Found = {name: {} for name in spaces}
    turns = _turns(run, spaces, tunings, budget, found)
    for training, contender in workers.each(lambda: next(turns, None)):
        found[training.folder.parent.name][training.folder] = contender
    trained = {name: [one for one in of_baseline.values() if one] for name, of_baseline in found.items()}
    return {name: sorted(all_of, key=lambda one: sign * one.score) for name, all_of in trained.items() if all_of}


def _turns(run: Run, spaces: dict[str, NetworkSpace], tunings: int, budget: Budget, found: Found) -> Iterator[Training]:
    """One choice of each after another, noted in what is found before its end, so that equals keep this order."""
    choices = {name: _tunings(run, name, space, tunings) for name, space in spaces.items()}
    for turn in range(tunings):
        for name, of_baseline in choices.items():
            if turn == 0 or budget.allows(_longest(found[name].values())):
                for training in islice(of_baseline, 1):
                    found[name][training.folder] = None
                    yield training


def _longest(trainings: Iterable[Contender | None]) -> float:
    return max((one.outcome.cost or 0.0 for one in trainings if one), default=0.0)


def _tunings(run: Run, name: str, space: NetworkSpace, count: int) -> Iterator[Training]:
    """The choices of one baseline, which do not depend on how the others end."""
    seed = run.settings.seed
    search = Search(space.search_space, make_strategy("random", {}), seed=seed, initial=space.search_space.initial)
    for _ in range(min(count, space.search_space.size or count)):
        choice = search.ask().architecture
        folder = run.directory / "baselines" / name / space.search_space.key(choice)
        yield Training(space.genotype(choice), space, choice, folder, seed)
