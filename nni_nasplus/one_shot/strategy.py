"""A search inside one trial as a strategy: what it finds is proposed first, then random ones beside it.

Importing this module does not import torch: NNI's tuner does without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nni_nasplus import registry
from nni_nasplus.errors import TrialFailed, UserError
from nni_nasplus.search.history import History
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.trial import Proposal

if TYPE_CHECKING:
    from nni_nasplus.run.run import Run
    from nni_nasplus.training.reporter import Reporter

__all__ = ["SUPERNET", "NamedOneShot", "OneShotStrategy"]

SUPERNET = "supernet.safetensors"
"""In the folder of a search by paths: the weights that all networks of the space share."""


class OneShotStrategy(Strategy):
    """Propose what a search inside one trial finds, best first, then random architectures to compare it with.

    Results of training are not used. A subclass names the search, and has its settings for options.
    """

    learns: ClassVar[bool] = False
    method: str
    """The name of the search among the entry points ``nni_nasplus.one_shot``; no option where it is ``init=False``."""

    def settings(self) -> Mapping[str, Any]:
        """The settings of the search: the options, where a subclass says nothing else."""
        options = (option for option in fields(self) if option.init)  # type: ignore[arg-type]  # of dataclasses
        return {option.name: getattr(self, option.name) for option in options}

    @property
    def presearches(self) -> bool:
        """Always: what it finds is what is proposed."""
        return True

    def check_space(self, space: Any) -> None:
        """Raise :class:`UserError` if the space has no supernet."""
        import torch

        from nni_nasplus.networks.supernet import supernet_of

        with torch.device("meta"):
            supernet_of(space)

    def presearch(self, run: Run, reporter: Reporter | None) -> Ranking:
        """Search on the training data of a run; an interrupted search goes on.

        Raises
        ------
        UserError
            If the space has no supernet, a setting or the data are refused, or the search diverges.
        """
        return self._searched(run, reporter, run.settings.seed, run.directory / self.method)

    def _searched(self, run: Run, reporter: Reporter | None, seed: int, directory: Path) -> Ranking:
        """What one search finds."""
        from nni_nasplus.one_shot.fit import fit, made

        kind = registry.load("one_shot", self.method)
        search = made(kind, run.space, run.evaluator, seed=seed, reporter=reporter, **self.settings())
        search.excess = run.excess if run.settings.limits else None
        search.limits, search.latency = run.settings.limits, lambda: run.latency
        try:
            ranking = fit(search, directory)
        except TrialFailed as failure:
            raise UserError(f"the search by {self.method} failed: {failure}") from failure
        self._leave(run, search, ranking, directory)
        return ranking

    def _leave(self, run: Run, search: Any, ranking: Ranking, directory: Path) -> None:
        """Whatever others need of a search that is over, beside its ranking."""

    def propose(self, history: History, rng: np.random.Generator) -> Proposal:
        """The first of what was found that was not proposed yet, or a random architecture."""
        return history.first_ranked() or history.random(rng)


@dataclass(frozen=True)
class NamedOneShot(OneShotStrategy):
    """Any installed search inside one trial, by its name.

    Parameters
    ----------
    method
        The name of the search in the entry-point group ``nni_nasplus.one_shot``.
    options
        Its own settings.
    searches
        How many searches there are, by seeds that follow each other; what each finds is trained.
    inherit
        Whether the best of what is found, as many as there are trials, are trained from the weights that they share in
        the supernet, and not anew.

    Raises
    ------
    UserError
        If there is no such search, or fewer than 1 is asked for.
    """

    method: str = "tenas"
    options: Mapping[str, Any] = field(default_factory=dict)
    searches: int = 1
    inherit: bool = False

    def __post_init__(self) -> None:
        registry.require("one_shot", self.method)
        if not isinstance(self.searches, int) or self.searches < 1:
            raise UserError(f"searches is {self.searches}; use 1 or more")
        if not isinstance(self.inherit, bool):
            raise UserError(f"inherit is {self.inherit}; use true or false")

    @property
    def presearched(self) -> str:
        """That it was by a supernet."""
        return "by its supernet"

    def settings(self) -> Mapping[str, Any]:
        """Those given."""
        return self.options

    def check_space(self, space: Any) -> None:
        """Raise :class:`UserError` if the space has no supernet, a setting is refused, or nothing can be inherited."""
        kind = registry.load("one_shot", self.method)
        if not kind.by_paths:  # whose supernet is another one, which it makes itself
            super().check_space(space)
        kind.check(space, self.options)
        if self.inherit and not (kind.by_paths and hasattr(space, "path_supernet")):
            raise UserError(
                f"inherit needs a supernet whose paths are networks of the space, which {self.method} on "
                f"{type(space).__name__} has not; leave it out"
            )

    def _leave(self, run: Run, search: Any, ranking: Ranking, directory: Path) -> None:
        """The weights that paths share, and those of the best, for their trials to begin with."""
        from nni_nasplus.networks.path_supernet import PathSupernet
        from nni_nasplus.networks.weights import save_weights
        from nni_nasplus.training.trial_folder import inherited_weights

        if isinstance(getattr(search, "supernet", None), PathSupernet) and not (directory / SUPERNET).exists():
            save_weights(search.supernet.bank, directory / SUPERNET)
        if not self.inherit:
            return
        for architecture in ranking.architectures[: run.settings.expected_trials]:
            path = inherited_weights(run.directory, run.space.search_space.key(architecture))
            if not path.exists():
                save_weights(search.supernet.network_of(architecture), path)

    def presearch(self, run: Run, reporter: Reporter | None) -> Ranking:
        """One search after the other, the best of each first; one that is over only answers."""
        first = super().presearch(run, reporter)
        seeds = range(run.settings.seed + 1, run.settings.seed + self.searches)
        others = [self._searched(run, reporter, seed, run.directory / f"{self.method}-{seed}") for seed in seeds]
        best_first = zip_longest(*(ranking.architectures for ranking in (first, *others)))
        found = [one for ones in best_first for one in ones if one is not None]
        distinct = {run.space.search_space.key(one): one for one in found}
        return first if not others else Ranking.of(list(distinct.values()), [0.0] * len(distinct))
