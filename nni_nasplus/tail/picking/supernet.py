"""The supernet that a search has trained, read again."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.networks.path_supernet import PathSupernet
from nni_nasplus.networks.weights import load_weights
from nni_nasplus.one_shot.fit import made
from nni_nasplus.one_shot.paths import Paths
from nni_nasplus.one_shot.strategy import SUPERNET, NamedOneShot
from nni_nasplus.run.run import Run

__all__ = ["supernet_of_run", "trained"]


def trained(run: Run) -> tuple[Paths, Path]:
    """The search by paths of a run, whose supernet has the weights that it was left with, and its folder.

    Raises
    ------
    UserError
        If the strategy trains no supernet whose paths are networks of the space, or has not done so yet.
    """
    strategy = run.settings.make_strategy()
    kind = registry.load("one_shot", strategy.method) if isinstance(strategy, NamedOneShot) else None
    if kind is None or not kind.by_paths or not hasattr(run.space, "path_supernet"):
        raise UserError(
            f"{run.directory} was searched by {run.settings.strategy}, which trains no networks of all sizes; search "
            "with --strategy bignas, of events or in --space mobile"
        )
    assert isinstance(strategy, NamedOneShot)
    weights = run.directory / strategy.method / SUPERNET
    if not weights.is_file():
        raise UserError(
            f"{weights} is not there: let the search by {strategy.method} end, by nasplus resume {run.directory}"
        )
    search = cast("Paths", made(kind, run.space, run.evaluator, seed=run.settings.seed, **strategy.settings()))
    load_weights(supernet_of_run(search).bank, weights)
    return search, weights.parent


def supernet_of_run(search: Paths) -> PathSupernet:
    """Its supernet, whose paths are networks of the space."""
    assert isinstance(search.supernet, PathSupernet)
    return search.supernet
