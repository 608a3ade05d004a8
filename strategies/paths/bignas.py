"""BigNAS: one training that gives networks of all sizes, ready for use (Yu et al., arXiv 2003.11142)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.extremes import cheapest, dearest, size_of
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.one_shot.options import options_of
from nni_nasplus.one_shot.paths import Genes, drawn_genes, skeletons
from nni_nasplus.one_shot.shared_weights import WEIGHTS
from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.paths.sandwich import decay, distance, start_as_shortcuts, unregularised
from nni_nasplus.strategies.paths.spos import SPOS, Scored

__all__ = ["BigNAS"]


class BigNAS(SPOS):
    """In each step train the largest path on the labels, and the smallest and some random ones on what it says.

    Gradients of these paths make one step (sandwich rule). Dropout and weight decay are for the largest alone. Residual
    blocks that end in a norm start as shortcuts, with a scale of 0 there; the learning rate ends constant. Largest and
    smallest are the paths of most and fewest weights. After the last epoch paths are selected from coarse to fine:
    first those whose decisions of a kind, such as the kernels of all blocks, have the same choice, then mutants of the
    best. Batch norms are estimated anew for each. The authors' learning rate falls exponentially, here by a cosine.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.shared_weights.SharedWeights`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(SPOS.Options):
        """Those of BigNAS.

        Parameters
        ----------
        paths
            In a step beside the largest and the smallest.
        floor
            The least that the learning rate is, as a share of the first one, in [0, 1].
        """

        paths: int = 2
        floor: float = 0.05

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_counts("paths")
            self._require("floor", 0 <= self.floor <= 1, "0 to 1, a share of the first rate")

        def rate_in(self, epoch: int) -> float:
            """The learning rate in an epoch, counted from 0: half a cosine with a constant ending (section 3.2)."""
            return max(super().rate_in(epoch), self.floor * self.rate)

    options: Options
    largest: Architecture
    smallest: Architecture

    @classmethod
    def of(cls, space: NetworkSpace, evaluator: Any, **settings: Any) -> Any:
        """The search of a space; UserError if all its networks are of one size."""
        search = super().of(space, evaluator, **settings)
        search.smallest, search.largest = _ends(search.supernet, space)
        start_as_shortcuts(search.supernet, search.largest)
        return search

    @classmethod
    def check(cls, space: NetworkSpace, settings: Mapping[str, Any]) -> None:
        """Raise :class:`UserError` if all networks of the space are of one size, too."""
        super().check(space, settings)
        with torch.device("meta"):
            _ends(cls.make_supernet(space, options_of(cls.Options, space, None, settings)), space)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Without weight decay, which is for the largest alone."""
        optimizers = super().configure_optimizers()
        for group in optimizers[WEIGHTS].param_groups:
            group["weight_decay"] = 0.0
        return optimizers

    def _step_weights(self, batch: Mapping[str, Any]) -> None:
        """One step of the sandwich (section 3.1)."""
        optimizer = self._optimizer(WEIGHTS)
        optimizer.zero_grad()
        decayed = self._descend_sandwich(batch["train"])
        self._clip()
        decay(decayed, self.options.weight_decay, self.options.optimizer, self.rate())
        optimizer.step()

    def _descend_sandwich(self, batch: Any) -> list[nn.Parameter]:
        """Gradients of all paths, summed; which weights the largest has."""
        with self.supernet.only(self.largest):
            loss, output = self.loss.with_output(batch)
        self._losses["train_loss"] += self._finite(loss, "training")
        self.manual_backward(loss)
        used = [weight for weight in self.supernet.parameters() if weight.grad is not None]
        for path in [*self.middle(batch), self.smallest]:
            self.manual_backward(self.distilled(path, batch, output.detach()))
        return used

    def middle(self, batch: Any) -> list[Architecture]:
        """The paths of this step between the largest and the smallest."""
        rng = self.step_rng()
        return [self.supernet.derive(drawn_genes(self.supernet, rng)) for _ in range(self.options.paths)]

    def distilled(self, path: Architecture, batch: Any, taught: Tensor) -> Tensor:
        """How far a path is from what the largest says, a scalar: the labels do not count (in-place distillation)."""
        with self.supernet.only(path), unregularised(self.supernet):
            _, output = self.loss.with_output(batch)
        return distance(output, taught, getattr(self.evaluator, "link", "softmax"))

    def first_candidates(
        self, rng: np.random.Generator, count: int
    ) -> tuple[list[tuple[Architecture, Genes]], set[str]]:
        """Coarse: paths whose decisions of a kind agree; uniform ones where none keeps to the limits."""
        seen: set[str] = set()
        found = self.candidates(skeletons(self.supernet, rng), count, seen)
        return (found, seen) if found else super().first_candidates(rng, count)

    def _next(self, scored: Scored, rng: np.random.Generator, seen: set[str]) -> list[tuple[Architecture, Genes]]:
        """Fine: mutants of the best."""
        return self.candidates(self._mutants(self._parents(scored), rng), self.options.population, seen)


def _ends(supernet: Supernet, space: NetworkSpace) -> tuple[Architecture, Architecture]:
    """The smallest and the largest path; UserError if there is but one size."""
    size = size_of(space.build)
    smallest, largest = cheapest(supernet, size), dearest(supernet, size)
    if size(smallest) == size(largest):
        raise UserError(
            f"the networks of {type(space).__name__} are all of one size, and bignas trains small ones by large ones; "
            "use spos"
        )
    return smallest, largest
