"""What stands beside a search: plain networks of the field, tuned as a user would tune them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.run.run import Run
from nni_nasplus.search.search import Search
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Contender, trained

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["tuned_baselines"]


def tuned_baselines(
    run: Run, spaces: dict[str, NetworkSpace], tunings: int, budget: Budget
) -> dict[str, list[Contender]]:
    """Train so many choices of each baseline, in turns: first what people try first, then random choices.

    Every baseline is trained once, and none after the budget is used.

    Returns
    -------
    By baseline its trainings, best first; nothing of one whose trainings all failed.
    """
    sign = -1.0 if run.settings.direction == "maximize" else 1.0
    turns = {name: _tunings(run, name, space, tunings) for name, space in spaces.items()}
    found: dict[str, list[Contender]] = {name: [] for name in spaces}
    for turn in range(tunings):
        for name, tuning in turns.items():
            if turn == 0 or budget.allows(_longest(found[name])):
                contender = next(tuning, None)
                found[name] += [contender] if contender else []
    return {name: sorted(all_of, key=lambda one: sign * one.score) for name, all_of in found.items() if all_of}


def _longest(trainings: list[Contender]) -> float:
    return max((one.outcome.cost or 0.0 for one in trainings), default=0.0)


def _tunings(run: Run, name: str, space: NetworkSpace, count: int) -> Iterator[Contender | None]:
    """Train one choice after another."""
    seed = run.settings.seed
    search = Search(space.search_space, make_strategy("random", {}), seed=seed, initial=space.search_space.initial)
    for _ in range(min(count, space.search_space.size or count)):
        trial = search.ask()
        folder = run.directory / "baselines" / name / space.search_space.key(trial.architecture)
        contender = trained(run, space.genotype(trial.architecture), space, trial.architecture, folder, seed)
        search.tell(trial, None if contender is None else contender.outcome)
        yield contender
