"""TE-NAS as a strategy: the architecture that it finds is proposed first, then random ones beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.strategy import Direction, Feasible, Proposal, Strategy

if TYPE_CHECKING:
    from nni_nasplus.run.run import Run
    from nni_nasplus.training.reporter import Reporter

__all__ = ["TeNas"]

_POOL = 1000
"""Training examples that batches are drawn from."""
_PATCHES = 1000
"""A fifth of the paper's: on DARTS' supernet at 16×16 pixels they halve the time of a score."""


class TeNas(Strategy):
    """Propose what TE-NAS (arXiv 2102.11535) finds without training, then random architectures to compare it with.

    Results of training are not used. The search runs in :meth:`prepare`, before the first trial.

    Parameters
    ----------
    found
        The architecture; where None, or where it is not admitted, all proposals are random.
    repeats, prune, kernel_examples, region_examples, as_released
        Of the search, see :class:`~nni_nasplus.strategies.te_nas.search.TENAS`; 0 is the default there, but for
        ``region_examples``: 1000, as released 3000.

    Raises
    ------
    UserError
        If one of them is out of range.
    """

    learns = False

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        direction: Direction = "maximize",
        feasible: Feasible | None = None,
        starts: Sequence[Mapping[str, Any]] | None = None,
        found: Mapping[str, Any] | None = None,
        repeats: int = 3,
        prune: int = 0,
        kernel_examples: int = 0,
        region_examples: int = 0,
        as_released: bool = False,
    ) -> None:
        super().__init__(space, seed=seed, direction=direction, feasible=feasible, starts=starts)
        least = {"repeats": 1, "prune": 1, "kernel_examples": 2, "region_examples": 2}
        for name, number in zip(least, (repeats, prune, kernel_examples, region_examples), strict=True):
            if number and number < least[name]:
                raise UserError(f"{name} is {number}; use {least[name]} or more, or 0 for the default")
        self.found = None if found is None else space.validate(found)

    @classmethod
    def needs_preparation(cls, run: Run) -> bool:
        """Whether nothing was found yet.

        Raises
        ------
        UserError
            If the space has no supernet.
        """
        from nni_nasplus.strategies.te_nas.networks import networks_of

        if "found" in run.settings["options"]:
            return False
        networks_of(run.space)
        return True

    @classmethod
    def prepare(cls, run: Run, reporter: Reporter | None = None) -> dict[str, Any]:
        """Search on the training data of a run; the options, with what was found.

        Raises
        ------
        UserError
            If the space has no supernet, or the examples cannot be scored.
        """
        from nni_nasplus.strategies.te_nas.finding import TeNasSearch
        from nni_nasplus.strategies.te_nas.networks import drawn_from

        options = super().prepare(run)
        if not cls.needs_preparation(run):
            return options
        examples = drawn_from(run.evaluator.data().train_dataloader(), _POOL)
        given = {name: value for name, value in options.items() if value}
        settings = given if options.get("as_released") else {"region_examples": _PATCHES, **given}
        search = TeNasSearch(run.space, examples, run.directory / "te_nas", reporter=reporter, **settings)
        return {**options, "found": search(run.settings["seed"])}

    def _propose(self, rng: np.random.Generator) -> Proposal:
        if self._asked == 0 and self.found is not None and self.admits(self.found):
            return Proposal(self.found, "te-nas")
        return self._random(rng)
