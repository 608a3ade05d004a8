"""NAT: a policy makes any cell better by taking operations away (Guo et al., arXiv 1910.14488)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import NONE, SKIP, Edge, Supernet
from nni_nasplus.one_shot.mixture import one_path
from nni_nasplus.one_shot.options import WeightOptions
from nni_nasplus.one_shot.paths import Genes, Paths, drawn_genes
from nni_nasplus.one_shot.shared_weights import Draw
from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.paths.transition_policy import KEEP, REMOVE, REPLACE, Rewritable, TransitionPolicy

__all__ = ["NAT"]

_POLICY = 1


class NAT(Paths):
    """Learn a policy that replaces operations of any cell by skips, or removes them, and let it rewrite one.

    Each training batch has a uniform path that the policy has rewritten. After each epoch the policy has ``steps``
    steps on validation batches: the reward of a rewriting is by how much its loss, with the shared weights, is less
    than that of the path that it was made of, and the entropy is added (eq. 4). So one policy is learned for all cells.
    In the end it rewrites the ``given`` one, or the best of uniform ones, ``samples`` times; what inherits the least
    loss is the answer.

    No transition adds weights: an operation stays, or becomes a skip connection or nothing; nothing may become a skip.
    Where cells cannot be without an operation, as those of DARTS, none is removed. The authors' reward is the accuracy,
    which not every target has.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.shared_weights.SharedWeights`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(WeightOptions):
        """Those of NAT.

        Parameters
        ----------
        given
            The cell that is rewritten, in the notation of the space.
        steps
            Of the policy after each epoch.
        cells, rewritings
            Uniform paths in a step of the policy, and rewritings of each.
        policy_rate
            Of its Adam.
        entropy
            λ, what its entropy is multiplied by.
        samples, batches
            Rewritings that are scored in the end, and uniform paths where no cell is given; validation batches of a
            score.
        """

        given: str = ""
        steps: int = 50
        cells: int = 4
        rewritings: int = 5
        policy_rate: float = 3e-4
        entropy: float = 3e-3
        samples: int = 50
        batches: int = 10

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_counts("steps", "cells", "rewritings", "samples", "batches")
            self._require_positive("policy_rate")
            self._require_not_negative("entropy")

    options: Options
    given: Architecture | None = None

    def __init__(self, *arguments: Any, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self.policy = TransitionPolicy(len(self.supernet.operations))
        self._edges: dict[str, list[Edge]] = {cell: [] for cell in self.supernet.masks}
        for edge in self.supernet.edges:
            self._edges[edge.cell].append(edge)
        self._removes = _can_remove(self.supernet)

    @classmethod
    def of(cls, space: NetworkSpace, evaluator: Any, **settings: Any) -> Any:
        """The search of a space."""
        search = super().of(space, evaluator, **settings)
        if search.options.given:
            search.given = space.parse_genotype(search.options.given)
        return search

    @classmethod
    def check(cls, space: NetworkSpace, settings: Mapping[str, Any]) -> None:
        """Raise :class:`UserError` if the given cell is none of the space, too."""
        super().check(space, settings)
        if given := settings.get("given"):
            space.parse_genotype(given)

    @classmethod
    def make_supernet(cls, space: NetworkSpace, options: Any) -> Supernet:
        """What is searched in.

        Raises
        ------
        UserError
            If it has no skip connections.
        """
        supernet = super().make_supernet(space, options)
        if SKIP not in supernet.operations:
            raise UserError(f"nat puts skips in the place of operations, and {type(space).__name__} has none; use spos")
        return supernet

    def other_optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam for the policy."""
        return [torch.optim.Adam(self.policy.parameters(), self.options.policy_rate)]

    def weight_draws(self, batch: Any) -> list[Draw]:
        """A uniform path that was rewritten (algorithm 1)."""
        genes = next(self.rewritten(self.path()))
        return [(1.0, one_path(self.supernet, self.supernet.derive(genes)))]

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Train the policy; after the last epoch search."""
        for valid in islice(self.validation(), self.options.steps):
            self._step_policy(valid)
        super().epoch_ends(batch)

    def searched(self, rng: np.random.Generator) -> list[tuple[Architecture, float]]:
        """What the policy makes of a cell, and that cell, by inherited loss."""
        seen: set[str] = set()
        first = [self.given] if self.given else []
        if not first:
            found, seen = self.first_candidates(rng, self.options.samples)
            first = [architecture for architecture, _ in found]
        scored = self._scored(first)
        best = scored[0][0]
        new = self.candidates(self.rewritten(best), self.options.samples, {*seen, str(best)})
        return sorted([*scored, *self._scored([one for one, _ in new])], key=lambda pair: pair[1])

    def _scored(self, architectures: list[Architecture]) -> list[tuple[Architecture, float]]:
        """With their inherited losses, best first."""
        found = [(architecture, self.inherited(architecture, self.options.batches)) for architecture in architectures]
        return sorted(found, key=lambda pair: pair[1])

    def rewritten(self, architecture: Architecture) -> Iterator[Genes]:
        """Genes of what the policy makes of a path, without end."""
        path, places = self.rewritable(architecture)
        with torch.no_grad():
            shares = self.policy(path).exp().cpu()
        while True:
            chosen = torch.multinomial(shares, 1, generator=self.generator).squeeze(-1)
            yield self._genes(places, chosen)

    def rewritable(self, architecture: Architecture) -> tuple[Rewritable, list[tuple[str, int, int]]]:
        """A path as the policy sees it, and the cell, row and column of each of its operations in the masks."""
        active = self.supernet.path(architecture).active
        places = [(cell, row, column) for cell, rows in active.items() for row, column in rows.nonzero().tolist()]
        ends = [self._edges[cell][row] for cell, row, _ in places]
        linked = torch.tensor([[(a.cell, a.target) == (b.cell, b.source) for b in ends] for a in ends])
        given = torch.cat([active[cell][row : row + 1] for cell, row, _ in places])
        allowed = torch.tensor([self._allowed(*place) for place in places])
        return Rewritable(*(part.to(self.device) for part in (given, linked, allowed))), places

    def _allowed(self, cell: str, row: int, column: int) -> list[bool]:
        """Whether an operation may stay, become a skip, and become nothing."""
        alive, operations = self.supernet.masks[cell][row], self.supernet.operations
        skip = operations[column] != SKIP and bool(alive[operations.index(SKIP)])
        gone = self._removes and operations[column] != NONE and bool(alive[operations.index(NONE)])
        return [True, skip, gone]

    def _genes(self, places: list[tuple[str, int, int]], chosen: Tensor) -> Genes:
        """1 for the operations after their transitions, by kind of cell; from int [n]."""
        genes = {cell: torch.zeros(mask.shape, dtype=torch.double) for cell, mask in self.supernet.masks.items()}
        for (cell, row, column), transition in zip(places, chosen.tolist(), strict=True):
            names = {REPLACE: SKIP, REMOVE: NONE}
            after = column if transition == KEEP else self.supernet.operations.index(names[transition])
            genes[cell][row, after] = 1.0
        return genes

    def _step_policy(self, batch: Any) -> None:
        """A step along the mean of some paths (eq. 6)."""
        optimizer = self._optimizer(_POLICY)
        optimizer.zero_grad()
        for _ in range(self.options.cells):
            rng = np.random.default_rng(int(torch.randint(2**62, (), generator=self.generator)))
            before = self.supernet.derive(drawn_genes(self.supernet, rng))
            self.manual_backward(self.policy_loss(batch, before) / self.options.cells)
        optimizer.optimizer.step()  # not Lightning's, whose count of steps is that of batches

    def policy_loss(self, batch: Any, before: Architecture) -> Tensor:
        """−(loss before − loss after) · log π, the mean over rewritings, − entropy."""
        path, places = self.rewritable(before)
        logs = self.policy(path)
        drawn = torch.multinomial(logs.detach().exp().cpu(), self.options.rewritings, True, generator=self.generator)
        after = [self.supernet.derive(self._genes(places, chosen)) for chosen in drawn.T]
        rewards = self._loss_of(batch, before) - torch.stack([self._loss_of(batch, one) for one in after])
        self._finite(rewards.mean(), "validation")
        entropy = -(logs.exp() * logs.masked_fill(~path.allowed, 0.0)).sum()
        chances = logs.gather(-1, drawn.to(logs.device)).sum(0)
        loss: Tensor = -(rewards * chances).mean() - self.options.entropy * entropy
        return loss

    @torch.no_grad()
    def _loss_of(self, batch: Any, architecture: Architecture) -> Tensor:
        return self.loss(batch, one_path(self.supernet, architecture))


def _can_remove(supernet: Supernet) -> bool:
    """Whether there is an architecture without an operation."""
    if NONE not in supernet.operations:
        return False
    column = supernet.operations.index(NONE)
    nothing = {cell: torch.zeros(mask.shape) for cell, mask in supernet.masks.items()}
    for rows in nothing.values():
        rows[:, column] = 1.0
    return NONE in [operation for _, operation in supernet.selected(supernet.derive(nothing))]
