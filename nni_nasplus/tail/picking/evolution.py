"""The search for the best path within a budget, among what paths inherit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.extremes import cheapest
from nni_nasplus.networks.limits import Limits, written
from nni_nasplus.one_shot.paths import Paths
from nni_nasplus.run.run import Run
from nni_nasplus.search.space import Architecture
from nni_nasplus.tail.picking.scores import Costs, Scored, Scores, given
from nni_nasplus.tail.picking.supernet import supernet_of_run

__all__ = ["Evolution"]

_WORD = 7
"""In seeds."""
_PARENTS = 10
_FIRST = 20
"""Paths that are no children: those that the search before ranked first, then uniform ones."""
_BATCHES = 40
"""Of validation in a score, as in SPOS (arXiv 1904.00420)."""
_ATTEMPTS = 50
"""Children for each that is scored."""


class Evolution:
    """Score paths within limits, and children of the best, one after the other; what is known is not scored again.

    A child is a mutant of one of the ten best within the limits, or a cross of two. It is a function of the seed and of
    what was scored before, so a search that is killed goes on as if it had not been.

    Parameters
    ----------
    run, search
        With its trained supernet.
    limits
        At least one.
    """

    def __init__(self, run: Run, search: Paths, limits: Limits, scores: Scores, costs: Costs) -> None:
        self.run, self.search, self.limits, self.scores, self.costs = run, search, limits, scores, costs
        self.space = supernet_of_run(search).alive_space

    def smallest(self) -> Architecture:
        """The path of least cost, in what the first limit that is short of it is on.

        Raises
        ------
        UserError
            If it exceeds the limits; it is named.
        """
        supernet, found = self.search.supernet, None
        for name, most in given(self.limits).items():
            found = cheapest(supernet, lambda path, name=name: self.costs.of(name, path))  # type: ignore[misc]
            if (least := self.costs.of(name, found)) > most:
                raise UserError(
                    f"--{name.replace('_', '-')} is {written(most)}; the smallest network, "
                    f"{self.run.space.genotype(found)}, takes {written(least)}"
                )
        assert found is not None
        return found

    def run_to(self, samples: int, note: Callable[[str], object]) -> list[Scored]:
        """All that keeps to the limits, best first, when so many were scored for them.

        Parameters
        ----------
        note
            Hears how far it is.

        Raises
        ------
        UserError
            If nothing is found that keeps to all limits.
        """
        smallest, own = self.smallest(), given(self.limits)
        self._score(smallest)
        ranked = self._ranked_before()
        while (count := sum(one.limits == own for one in self.scores)) < samples:
            note(f"scoring network {count + 1} of {samples}")
            rng = np.random.default_rng([self.run.settings.seed, _WORD, len(self.scores)])
            known = [path for path in ranked if path not in self.scores and self.costs.keeps(self.limits, path)]
            child = known[0] if known and count < _FIRST else self._new(rng, smallest, uniform=count < _FIRST)
            if child is None:
                break
            self._score(child)
        if not (within := self._within()):
            raise UserError("no network was found that keeps to all of these limits; raise one of them")
        return within

    def _ranked_before(self) -> list[Architecture]:
        """What the search ranked first after its training."""
        ranking = self.run.ranking(self.run.space.search_space)
        return [] if ranking is None else ranking.architectures[: 2 * _FIRST]

    def _within(self) -> list[Scored]:
        """What keeps to the limits, best first."""
        kept = [one for one in self.scores if self.costs.keeps(self.limits, one.architecture)]
        return sorted(kept, key=lambda one: one.loss)

    def _new(self, rng: np.random.Generator, smallest: Architecture, *, uniform: bool) -> Architecture | None:
        """A path within the limits that was not scored; None where none is found."""
        parents = [one.architecture for one in self._within()[:_PARENTS]]
        drawn = self._shrunk(rng, smallest) if uniform else self._children(parents, rng)
        for _, path in zip(range(_ATTEMPTS), drawn, strict=False):
            if path not in self.scores and self.costs.keeps(self.limits, path):
                return path
        return self._new(rng, smallest, uniform=False) if uniform and parents else None

    def _shrunk(self, rng: np.random.Generator, smallest: Architecture) -> Iterator[Architecture]:
        """Uniform paths, each crossed with the smallest until it keeps to the limits."""
        while True:
            path = self.space.sample(rng)
            while not self.costs.keeps(self.limits, path):
                yield (path := self.space.crossed(path, smallest, rng))
            yield path

    def _children(self, parents: list[Architecture], rng: np.random.Generator) -> Iterator[Architecture]:
        while True:
            one, other = (parents[i] for i in rng.integers(len(parents), size=2))
            yield self.space.mutate(one, rng) if rng.random() < 0.5 else self.space.crossed(one, other, rng)

    def _score(self, path: Architecture) -> None:
        if path not in self.scores:
            batches = min(_BATCHES, len(self.search.loaders[1]))
            loss = self.search.inherited(path, batches)
            costs = {name: self.costs.of(name, path) for name in given(self.limits)}
            self.scores.keep(Scored(path, loss, given(self.limits), costs))
