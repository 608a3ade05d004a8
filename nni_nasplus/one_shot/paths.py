"""Supernets that are trained path by path, and searched afterwards by what paths inherit."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nni_nasplus.errors import TrialFailed, UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.path_supernet import path_supernet_of
from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.one_shot.mixture import one_path
from nni_nasplus.one_shot.processes import several
from nni_nasplus.one_shot.shared_weights import Draw, SharedWeights
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture

__all__ = ["Genes", "Paths", "drawn_genes", "skeletons"]

Genes = Mapping[str, Tensor]
"""What a path is derived from: a number in [0, 1) for each operation by kind of cell, [E, O]; the largest win. Of
uniform numbers every path of the supernet is equally likely, whatever its rules for edges, as long as these treat edges
alike; and genes can be mixed edge by edge."""
_PATH, _SEARCH = 3, 4
"""Words in seeds, for what is drawn in a step of training and in the search after it."""
_ATTEMPTS = 100
"""Draws for each architecture that is wanted."""
_TRIED = 2000
"""Paths that are drawn before limits are refused, which takes some seconds, and training far longer."""
_FOUND = "found"
_DIVERGED, _MOST = "diverged", 20
"""How many paths diverged in a row, and how many may: with these all do, and not a few of them."""


def drawn_genes(supernet: Supernet, rng: np.random.Generator) -> Genes:
    """Genes of a uniform path."""
    return {cell: torch.from_numpy(rng.random(tuple(mask.shape))) for cell, mask in supernet.masks.items()}


def skeletons(supernet: Supernet, rng: np.random.Generator) -> Iterator[Genes]:
    """Genes of paths whose edges of a kind agree, without end: all kernels are alike, and all depths."""
    while True:
        yield {cell: _alike(mask, supernet.kinds(cell), rng) for cell, mask in supernet.masks.items()}


def _alike(mask: Tensor, kinds: Sequence[Hashable], rng: np.random.Generator) -> Tensor:
    """Numbers [E, O] that are the same for the choices of edges of a kind."""
    drawn = {kind: torch.from_numpy(rng.random(mask.shape[1])) for kind in dict.fromkeys(kinds)}
    rows = torch.zeros(mask.shape, dtype=torch.float64)
    for row, alive, kind in zip(rows, mask, kinds, strict=True):
        row[alive] = drawn[kind][: int(alive.sum())]
    return rows


class Paths(SharedWeights):
    """Train one uniformly drawn path in each step, and look for the best by their inherited loss after the last one.

    What is drawn in a step is a function of the seed and the step's number, what is drawn in the search of the seed
    alone. Weights off the path have no gradient, so that neither weight decay nor momentum moves them. A path that
    diverges, as a few recurrent cells do, moves nothing; after 20 in a row the search fails.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.shared_weights.SharedWeights`.

    Attributes
    ----------
    build
        Makes the network of an architecture by itself; None where the search was not made of a space.
    """

    by_paths = True
    build: Callable[[Mapping[str, Any]], nn.Module] | None = None

    @classmethod
    def of(cls, space: NetworkSpace, evaluator: Any, **settings: Any) -> Any:
        """The search of a space."""
        search = super().of(space, evaluator, **settings)
        search.build = space.build  # not the space, a module, whose weights would be in checkpoints
        return search

    @classmethod
    def make_supernet(cls, space: NetworkSpace, options: Any) -> Supernet:
        """What is searched in: every decision, where the space has such a supernet."""
        return path_supernet_of(space, **options.sizes)

    @abstractmethod
    def searched(self, rng: np.random.Generator) -> list[tuple[Architecture, float]]:
        """Architectures with the losses that they inherit, best first."""

    def weight_draws(self, batch: Any) -> list[Draw]:
        """One path."""
        return [(1.0, one_path(self.supernet, self.path()))]

    def on_fit_start(self) -> None:
        """Refuse limits that no path keeps to before anything is trained."""
        super().on_fit_start()
        if self.excess is not None and self.step == 0:
            rng = np.random.default_rng([self.seed, _PATH])
            self._require_within(any(self.keeps_limits(self._uniform(rng)) for _ in range(_TRIED)), _TRIED, rng)

    def _step_weights(self, batch: Mapping[str, Any]) -> None:
        try:
            super()._step_weights(batch)
        except TrialFailed as failure:
            self.forgive(failure)
        else:
            self.memory.pop(_DIVERGED, None)

    def _clip(self) -> Tensor:
        norm = super()._clip()
        if not norm.isfinite():
            raise TrialFailed(f"the gradient of a path is {norm} long in step {self.step + 1}; use a smaller rate")
        return norm

    def forgive(self, failure: TrialFailed) -> None:
        """Go on after a path that diverged.

        Raises
        ------
        TrialFailed
            If as many did before, or others train in step, which cannot know of it.
        """
        self.memory[_DIVERGED] = self.memory.get(_DIVERGED, 0) + 1
        if several() or self.memory[_DIVERGED] >= _MOST:
            raise failure

    def path(self) -> Architecture:
        """That of this step."""
        return self.supernet.derive(drawn_genes(self.supernet, self.step_rng()))

    def step_rng(self) -> np.random.Generator:
        """Draws what a step draws."""
        return np.random.default_rng([self.seed, _PATH, self.step])

    def keeps_limits(self, architecture: Architecture) -> bool:
        """Whether an architecture may be proposed at all."""
        return self.excess is None or self.excess(architecture) is None

    def candidates(self, draw: Iterator[Genes], count: int, seen: set[str]) -> list[tuple[Architecture, Genes]]:
        """Distinct paths within the limits, as many as are wanted or found; their names are added to what was seen."""
        found: list[tuple[Architecture, Genes]] = []
        for _ in range(_ATTEMPTS * count):
            genes = next(draw)
            architecture = self.supernet.derive(genes)
            name = str(architecture)
            if name not in seen and self.keeps_limits(architecture):
                seen.add(name)
                found.append((architecture, genes))
            if len(found) == count:
                break
        return found

    def uniform(self, rng: np.random.Generator) -> Iterator[Genes]:
        """Genes of uniform paths, without end."""
        while True:
            yield drawn_genes(self.supernet, rng)

    def validation(self) -> Iterator[Any]:
        """Batches of validation, again and again."""
        while True:
            yield from self.inherited.validation(len(self.loaders[1]), self.device)

    def first_candidates(
        self, rng: np.random.Generator, count: int
    ) -> tuple[list[tuple[Architecture, Genes]], set[str]]:
        """Uniform paths to begin with, and their names.

        Raises
        ------
        UserError
            If no path keeps to the limits.
        """
        seen: set[str] = set()
        found = self.candidates(self.uniform(rng), count, seen)
        self._require_within(bool(found), _ATTEMPTS * count, rng)
        return found, seen

    def _require_within(self, found: bool, tried: int, rng: np.random.Generator) -> None:
        if not found:
            why = self.excess(self._uniform(rng)) if self.excess else None
            raise UserError(f"none of {tried:,} paths of the supernet keeps to the limits: {why}")

    def _uniform(self, rng: np.random.Generator) -> Architecture:
        return self.supernet.derive(drawn_genes(self.supernet, rng))

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Search after the last epoch."""
        if self.is_over:
            self.memory[_FOUND] = self.searched(np.random.default_rng([self.seed, _SEARCH]))

    def architectures(self) -> Ranking:
        """All that were scored, best first; none before the end."""
        found = self.memory.get(_FOUND, [])
        return Ranking.of([architecture for architecture, _ in found], [-loss for _, loss in found])

    def tell(self, losses: dict[str, float]) -> None:
        """Tell the host how the paths of the epoch did, and in the end what the best one inherits."""
        found = dict(losses)
        title = f"after epoch {self.epoch}"
        if self.is_over:
            best, found["inherited_loss"] = self.memory[_FOUND][0]
            self._finite(torch.tensor(found["inherited_loss"]), "inherited")
            found["scored"] = float(len(self.memory[_FOUND]))
            with self.supernet.only(best):
                self.show(self.supernet, title, self.epoch)
        else:
            self.show(self.supernet, title, self.epoch)
        self.report(-losses.get("train_loss", 0.0), found)
