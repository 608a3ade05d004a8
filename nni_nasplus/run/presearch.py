"""What a strategy looks for before the first trial: once, for every process of the search to find."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from nni_nasplus._files import write_json
from nni_nasplus.run.run import PRESEARCH, Run
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.training.reporter import Reporter

__all__ = ["Presearching", "needs_presearch", "presearch"]


@runtime_checkable
class Presearching(Protocol):
    """A strategy that looks at networks and data before the first trial, which takes torch and may take long."""

    def presearch(self, run: Run, reporter: Reporter | None) -> Ranking:
        """Rank architectures, the best first; what takes long is kept in the run's directory, to go on from.

        Parameters
        ----------
        run
            Gives space, evaluator, limits and seed.
        reporter
            The host's, to show how it goes by intermediate results; None in a terminal. There is no final result.

        Raises
        ------
        UserError
            If it cannot work on this space or these data.
        """


def needs_presearch(run: Run) -> bool:
    """Whether the strategy of a run has to look for something before the first trial, and has not yet."""
    return run.settings.make_strategy().presearches and not (run.directory / PRESEARCH).exists()


def presearch(run: Run, reporter: Reporter | None = None) -> None:
    """Let the strategy look for what it needs, unless it has, and keep it in ``presearch.json``.

    Raises
    ------
    UserError
        If it cannot work on this space or these data.
    """
    strategy = run.settings.make_strategy()
    if needs_presearch(run) and isinstance(strategy, Presearching):
        ranking = strategy.presearch(run, reporter)
        write_json(run.directory / PRESEARCH, ranking.to_json(run.space.search_space))
