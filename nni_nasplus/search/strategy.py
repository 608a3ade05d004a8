"""Strategies: ask for an architecture, tell its score. No host, no clock, no input or output."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, SearchSpace

if TYPE_CHECKING:
    from nni_nasplus.run.run import Run
    from nni_nasplus.training.reporter import Reporter

__all__ = ["Direction", "Feasible", "Observation", "Proposal", "SearchSpaceExhausted", "Strategy", "make_strategy"]

Direction = Literal["maximize", "minimize"]
Feasible = Callable[[Architecture], bool]
_NO_OPTION = ("space", "seed", "direction", "feasible", "prior")
_REJECTIONS = 200
_ENUMERABLE = 1_000_000


class SearchSpaceExhausted(Exception):
    """Every architecture of the space has been proposed: the search is complete."""


class Proposal(NamedTuple):
    """An architecture and how it came to be: ``"random"``, or a word of the strategy's own."""

    architecture: Architecture
    origin: str = "random"


class Observation(NamedTuple):
    """A finished trial. ``utility`` is the score with the sign that makes higher better; None for a failure."""

    architecture: Architecture
    utility: float | None
    cost: float | None


class Strategy(ABC):
    """Base of every strategy: an ask/tell loop that never proposes the same architecture twice.

    Many proposals may be in flight and results may come back in any order. A proposal is a function of the
    seed, the number of proposals before it and the ordered history, so the history is the whole state, and a
    strategy restored from it goes on as if it had never stopped. Subclasses implement :meth:`_propose` only.

    Parameters
    ----------
    space
        What to search.
    seed
        Equal seeds and equal histories give equal proposals.
    direction
        Whether the scores told are to be maximised or minimised.
    feasible
        Whether an architecture keeps to the limits, for example of size; others are never proposed. Called often.
    starts
        What to propose first, such as what is in use already; None for the space's
        (:attr:`~nni_nasplus.search.space.SearchSpace.starts`), or for none where results change nothing.

    Raises
    ------
    UserError
        If a setting is unknown or out of range, or a start is not in the space.

    Examples
    --------
    >>> from nni_nasplus.strategies import AgingEvolution
    >>> s = AgingEvolution(SearchSpace({"op": ["conv", "pool"]}), seed=0, direction="maximize")
    >>> a = s.ask()
    >>> s.tell(a, 0.91)
    """

    learns: ClassVar[bool] = True
    """Whether results of training change what is proposed."""

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        direction: Direction = "maximize",
        feasible: Feasible | None = None,
        starts: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        if direction not in ("maximize", "minimize"):
            raise UserError(f"direction is {direction!r}; use 'maximize' or 'minimize'")
        if seed < 0:
            raise UserError(f"seed is {seed}; use 0 or more")
        self.space = space
        self.seed = seed
        self.direction = direction
        self.feasible = feasible
        if starts is None:
            starts = space.starts if self.learns else ()
        self.starts = [space.validate(architecture) for architecture in starts]
        self.observations: list[Observation] = []
        self._pending: dict[str, Architecture] = {}
        self._seen: set[str] = set()
        self._told: set[str] = set()
        self._asked = 0
        self._events: list[dict[str, Any]] = []

    @classmethod
    def needs_preparation(cls, run: Run) -> bool:
        """Whether :meth:`prepare` takes so long that a host with a web UI is to show it, as a trial of its own.

        Raises
        ------
        UserError
            If it cannot work, as far as that is known at once.
        """
        return False

    @classmethod
    def prepare(cls, run: Run, reporter: Reporter | None = None) -> dict[str, Any]:
        """Do, once and before a search, what takes networks and data: the options to search with.

        Hosts know strategies without torch; what a strategy learns of networks here reaches it as an option.

        Parameters
        ----------
        run
            Its settings hold the ``options`` given; what takes long is kept in its directory, to go on from.
        reporter
            The host's, to show how it goes by intermediate results; None in a terminal. There is no final result.
        """
        return dict(run.settings["options"])

    @property
    def pending(self) -> list[Architecture]:
        """Architectures asked and not yet told, oldest first."""
        return list(self._pending.values())

    @property
    def proposed(self) -> int:
        """How many different architectures were proposed or told."""
        return len(self._seen)

    @property
    def succeeded(self) -> list[Observation]:
        """Observations with a score, in order of finishing."""
        return [o for o in self.observations if o.utility is not None]

    def ask(self) -> Architecture:
        """Propose an architecture that was neither proposed nor told before, as a dict of active decisions.

        Raises
        ------
        SearchSpaceExhausted
            When there is none.
        """
        return self.propose().architecture

    def propose(self, draw: int | None = None) -> Proposal:
        """Like :meth:`ask`, with the proposal's origin.

        Parameters
        ----------
        draw
            What the randomness is drawn from beside the seed, by default how many were proposed before. Processes that
            share a history need different ones.
        """
        if self.space.size is not None and len(self._seen) >= self.space.size:
            raise SearchSpaceExhausted(f"all {self.space.size:,} architectures of the space were proposed")
        rng = np.random.default_rng([self.seed, self._asked if draw is None else draw])
        proposal = self._start() or self._propose(rng)
        self._record_ask(proposal.architecture)
        return proposal

    def adopt(self, architecture: Mapping[str, Any]) -> None:
        """Take over a proposal that another process made: it is in training from now on.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        ValueError
            If it was proposed or told before.
        """
        if not self.is_new(architecture):
            raise ValueError(f"architecture {self.space.key(architecture)} was proposed or told before")
        self._record_ask(self.space.validate(architecture))

    def tell(self, architecture: Mapping[str, Any], score: float | None, *, cost: float | None = None) -> None:
        """Report a result, of a proposal or of an architecture trained elsewhere.

        Parameters
        ----------
        architecture
            What was trained; canonical or not.
        score
            Finite, in the strategy's direction; None reports a failure.
        cost
            What the trial took, e.g. in seconds.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        ValueError
            If the score is NaN or infinite, or this architecture was told before.
        """
        if score is not None and not math.isfinite(score):
            raise ValueError(f"score is {score}; report a failed trial with None")
        canonical = self.space.validate(architecture)
        key = self.space.key(canonical)
        if key in self._told:
            raise ValueError(f"architecture {key} was told before; one result an architecture")
        utility = None if score is None else (score if self.direction == "maximize" else -score)
        self._told.add(key)
        self._seen.add(key)
        self._pending.pop(key, None)
        self.observations.append(Observation(canonical, utility, cost))
        self._events.append({"event": "tell", "architecture": canonical, "score": score, "cost": cost})

    def state_dict(self) -> dict[str, Any]:
        """The ordered history of proposals and results, as JSON values."""
        return {"events": list(self._events)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replay a history into this strategy, which must be new.

        Raises
        ------
        ValueError
            If this strategy was used already.
        """
        if self._events:
            raise ValueError("the strategy was used already; load the state into a new one")
        for event in state["events"]:
            if event["event"] == "ask":
                self._record_ask(self.space.validate(event["architecture"]))
            else:
                self.tell(event["architecture"], event["score"], cost=event.get("cost"))

    def _record_ask(self, architecture: Architecture) -> None:
        key = self.space.key(architecture)
        self._asked += 1
        self._seen.add(key)
        self._pending[key] = architecture
        self._events.append({"event": "ask", "architecture": architecture})

    def _start(self) -> Proposal | None:
        """The first start that may still be proposed."""
        return next((Proposal(start, "start") for start in self.starts if self.admits(start)), None)

    @abstractmethod
    def _propose(self, rng: np.random.Generator) -> Proposal:
        """Choose an unseen architecture, drawing randomness from ``rng`` alone."""

    def is_new(self, architecture: Mapping[str, Any]) -> bool:
        """Whether an architecture was neither proposed nor told."""
        return self.space.key(architecture) not in self._seen

    def admits(self, architecture: Architecture) -> bool:
        """Whether an architecture may be proposed: it is new and feasible."""
        return self.is_new(architecture) and (self.feasible is None or self.feasible(architecture))

    def _random(self, rng: np.random.Generator) -> Proposal:
        """A random admissible architecture: by rejection, then by enumeration where little of the space is left."""
        for attempt in range(_REJECTIONS):
            uniform: Literal["decision", "architecture"] = (
                "architecture" if attempt > _REJECTIONS // 2 and self.space.size else "decision"
            )
            architecture = self.space.sample(rng, uniform)
            if self.admits(architecture):
                return Proposal(architecture)
        if self.space.size is None or self.space.size > _ENUMERABLE:
            raise SearchSpaceExhausted(f"no new architecture in {_REJECTIONS} random draws")
        left = [architecture for architecture in self.space if self.admits(architecture)]
        if not left:
            raise SearchSpaceExhausted("no architecture within the limits is left")
        return Proposal(left[rng.integers(len(left))])


def make_strategy(
    name: str, space: SearchSpace, *, seed: int, direction: Direction, options: Mapping[str, Any]
) -> Strategy:
    """A strategy by name, with its own options: numbers, texts and switches, as they come from a command line.

    Raises
    ------
    UserError
        If there is no such strategy, or it has no such option or refuses its value.
    """
    kind = registry.load("strategies", name)
    known = [p for p in inspect.signature(kind).parameters if p not in _NO_OPTION]
    if unknown := [option for option in options if option not in known]:
        raise UserError(f"strategy '{name}' has no option '{unknown[0]}'; its options: {', '.join(known) or 'none'}")
    try:
        return kind(space, seed=seed, direction=direction, **options)
    except TypeError as error:
        raise UserError(f"strategy '{name}' cannot use its options {dict(options)}: {error}") from None
