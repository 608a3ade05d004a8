"""What earlier searches found, as a new one may use it: architectures and their ranks, task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture, SearchSpace, require_decisions

__all__ = ["Memory"]

VERSION = 1
# Spaces that share fewer of their decisions have names in common, such as a dropout, rather than architectures.
_SHARED = 0.5


@dataclass(frozen=True, eq=False)
class Memory:
    """Earlier searches of a space, each of them a task: what it trained, best first, with ranks.

    Ranks are all that is kept of scores, so that metric, scale and direction do not matter, and nothing of the data is
    passed on. :func:`~nni_nasplus.search.earlier.memory_of` makes one of histories.

    Parameters
    ----------
    space
        Of the architectures.
    tasks
        Rankings by the name of the task, in order; none of them empty.
    """

    space: SearchSpace
    tasks: Mapping[str, Ranking]

    @classmethod
    def joined(cls, memories: Sequence[Memory]) -> Memory:
        """The tasks of one or more memories of one space; equal names are told apart by numbers."""
        tasks: dict[str, Ranking] = {}
        for memory in memories:
            for name, ranking in memory.tasks.items():
                tasks[_unused(name, tasks)] = ranking
        return cls(memories[0].space, tasks)

    def carried(self, space: SearchSpace) -> Memory:
        """The memory as far as another space shares it.

        Decisions that the other space lacks are dropped, and those that it has alone take their first choice;
        architectures that it still has not are left out. Of those that become alike the best one counts.

        Raises
        ------
        UserError
            If the spaces share fewer than half of the decisions of the smaller one, or no architecture of a task.
        """
        space = space.whole
        if space == self.space:
            return self
        ours, theirs = set(self.space.decisions), set(space.decisions)
        if len(ours & theirs) < _SHARED * min(len(ours), len(theirs)):
            raise UserError(f"{', '.join(self.tasks)}: a search of another space; learn from one of the same space")
        return Memory(space, {name: self._carried(name, ranking, space) for name, ranking in self.tasks.items()})

    def _carried(self, name: str, ranking: Ranking, space: SearchSpace) -> Ranking:
        known: dict[str, tuple[Architecture, float]] = {}
        for architecture, rank in zip(ranking.architectures, ranking.ranks, strict=True):
            there = _translated(architecture, self.space, space)
            if there is not None:
                known.setdefault(space.key(there), (there, float(rank)))
        if not known:
            what = f"none of its {len(ranking)} architectures is in this space"
            raise UserError(f"{name}: {what}; learn from a search of the same space")
        architectures, ranks = zip(*known.values(), strict=True)
        return Ranking.of(architectures, [-rank for rank in ranks])

    def to_json(self) -> dict[str, Any]:
        """Return the decisions of the space and the tasks as JSON values."""
        tasks = {name: ranking.to_json(self.space) for name, ranking in self.tasks.items()}
        return {"version": VERSION, "space": self.space.to_json(), "tasks": tasks}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], space: SearchSpace | None = None) -> Memory:
        """Read what :meth:`to_json` returned.

        Parameters
        ----------
        space
            That of the content, where it is known already.

        Raises
        ------
        UserError
            If the content is another version's or no memory.
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError
            If it is damaged.
        """
        if content.get("version") != VERSION:
            raise UserError(f"it is no memory of format {VERSION}; make it by: nasplus export RUN --memory FILE")
        space = space or SearchSpace.from_json(content["space"])
        tasks = {str(name): _read(space, ranking) for name, ranking in content["tasks"].items()}
        if not tasks:
            raise ValueError("a memory without tasks")
        return cls(space, tasks)


def _translated(architecture: Architecture, old: SearchSpace, new: SearchSpace) -> Architecture | None:
    """An architecture in another space; None where that does not have it."""
    lacking = {name: choices[0] for name, choices in new.decisions.items() if name not in old.decisions}
    shared = {name: choice for name, choice in architecture.items() if name in new.decisions}
    try:
        return new.validate({**lacking, **shared})
    except UserError:
        return None


def _read(space: SearchSpace, content: Mapping[str, Any]) -> Ranking:
    for architecture in content["architectures"]:
        require_decisions(architecture)
    ranks = np.array(content["ranks"], dtype=float)
    architectures = [space.validate(one) for one in content["architectures"]]
    if ranks.shape != (len(architectures),) or not len(ranks) or not np.isfinite(ranks).all():
        raise ValueError("as many finite ranks as architectures are needed, and one at least")
    return Ranking.of(architectures, (-ranks).tolist())


def _unused(name: str, taken: Mapping[str, Any]) -> str:
    others = (f"{name} ({number})" for number in range(2, len(taken) + 2))
    return next(one for one in (name, *others) if one not in taken)
