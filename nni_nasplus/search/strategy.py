"""Strategies: what to propose next, as a function of the history. No host, no clock, no input or output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar

import numpy as np

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.search.history import History
from nni_nasplus.search.trial import Proposal

__all__ = ["Strategy", "make_strategy", "require_objectives"]

_ONE_SHOT = "one_shot"
"""The strategy that searches by any one-shot method."""
_ITS_OWN = ("searches", "inherit")
"""Options of that strategy, whatever the method."""


class Strategy(ABC):
    """Base of every strategy: a frozen dataclass of its options, and :meth:`propose`.

    A proposal is a function of the history and of a generator that the search makes of its seed, so a strategy has no
    state: one that is made anew proposes the same. What it computes from a history it may keep, as long as that can be
    told only by the time it takes.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class RandomSearch(Strategy):
    ...     def propose(self, history, rng):
    ...         return history.random(rng)
    """

    learns: ClassVar[bool] = True
    """Whether results of training change what is proposed."""

    @property
    def most_costs(self) -> float:
        """How many costs it makes small beside the score."""
        return 0

    @property
    def presearches(self) -> bool:
        """Whether it has something to look for before the first trial.

        Then it has a method ``presearch(run, reporter)``, which gives a
        :class:`~nni_nasplus.search.ranking.Ranking`: see :mod:`nni_nasplus.run.presearch`. It finds that again as
        ``history.ranking``.
        """
        return False

    @property
    def presearched(self) -> str:
        """What a report says of the best that was found before the first trial."""
        return "without training"

    def check_space(self, space: Any) -> None:  # noqa: B027  # most strategies search every space
        """Raise :class:`UserError` if a space of networks cannot be searched, before its data are read."""

    @abstractmethod
    def propose(self, history: History, rng: np.random.Generator) -> Proposal:
        """Choose an architecture that was never proposed, or an earlier one to go on with.

        Parameters
        ----------
        history
            Everything known; not to be changed.
        rng
            Draws all that is random.

        Raises
        ------
        SearchSpaceExhausted
            If there is nothing left to propose.
        """


def require_objectives(strategy: Strategy, costs: Sequence[str]) -> None:
    """Raise :class:`UserError` if a strategy cannot make so many costs small beside the score."""
    if len(costs) <= strategy.most_costs:
        return
    most = int(strategy.most_costs)
    able = f"no more than {1 + most} objectives" if most else "the score alone"
    raise UserError(
        f"{type(strategy).__name__} searches for {able}, not for {', '.join(costs)} too; "
        "use thompson for a score and one cost, nsga2 for more, or limits such as --max-parameters"
    )


def make_strategy(name: str, options: Mapping[str, Any]) -> Strategy:
    """A strategy by name, with its options: numbers, texts and switches, as they come from a command line.

    Each one-shot method is a strategy by its own name, too, whose options are the method's.

    Raises
    ------
    UserError
        If there is no such strategy, or it has no such option or refuses its value.
    """
    if name not in registry.available("strategies") and name in registry.available("one_shot"):
        name, options = _ONE_SHOT, _of_method(name, options)
    kind = registry.load("strategies", name)
    known = [f.name for f in fields(kind) if f.init and f.metadata.get("option", True)] if is_dataclass(kind) else []
    if unknown := [option for option in options if option not in known]:
        raise UserError(f"strategy '{name}' has no option '{unknown[0]}'; its options: {', '.join(known) or 'none'}")
    try:
        return kind(**options)
    except TypeError as error:
        raise UserError(f"strategy '{name}' cannot use its options {dict(options)}: {error}") from None


def _of_method(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a one-shot method as those of the strategy that searches by any."""
    own = {option: value for option, value in options.items() if option in _ITS_OWN}
    return {"method": name, **own, "options": {key: value for key, value in options.items() if key not in own}}
