"""SETN: one-shot search by a self-evaluated template network (Dong and Yang, ICCV 2019, arXiv 1910.05733)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nni_nasplus.one_shot.differentiable import Differentiable
from nni_nasplus.one_shot.mixture import one_path
from nni_nasplus.one_shot.paths import drawn_genes
from nni_nasplus.one_shot.shared_weights import Draw
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture

__all__ = ["SETN"]

_PATH, _SEARCH = 5, 6
"""Words in seeds, for what is drawn in a step of the weights and in the end."""
_DRAWS = 20
"""For each candidate that is wanted."""
_FOUND = "found"


class SETN(Differentiable):
    """Train the weights by uniform paths and α by the softmax of all operations; then look among what α makes likely.

    A step of the weights computes one path, which all cells of a kind share; a step of α the whole mixture on
    validation examples. In the end distinct paths are drawn by the softmax of α, the most likely one first, and the one
    that inherits the least loss on a validation batch is the answer. The authors list all paths of NAS-Bench-201 and
    take the hundred most likely.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of SETN.

        Parameters
        ----------
        candidates
            Paths that are scored in the end.
        """

        epochs: int = 250
        nesterov: bool = True
        weight_decay: float = 5e-4
        candidates: int = 100

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_counts("candidates")

    order: tuple[str, ...] = ("weights", "alphas")
    options: Options

    def weight_draws(self, batch: Any) -> list[Draw]:
        """One uniform path."""
        rng = np.random.default_rng([self.seed, _PATH, self.step])
        return [(1.0, one_path(self.supernet, self.supernet.derive(drawn_genes(self.supernet, rng))))]

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Score candidates after the last epoch."""
        if self.is_over:
            scored = [(architecture, self.inherited(architecture, 1)) for architecture in self._likely()]
            self.memory[_FOUND] = sorted(scored, key=lambda pair: pair[1])

    def derived(self) -> Architecture:
        """The best that was scored; before the end what α prefers."""
        return self.memory[_FOUND][0][0] if _FOUND in self.memory else super().derived()

    def architectures(self) -> Ranking:
        """All that were scored, best first."""
        if _FOUND not in self.memory:
            return super().architectures()
        found = self.memory[_FOUND]
        return Ranking.of([architecture for architecture, _ in found], [-loss for _, loss in found])

    def _likely(self) -> list[Architecture]:
        """Distinct paths, the operation of each edge drawn by the softmax of α: the largest of log softmax + Gumbel."""
        rng = np.random.default_rng([self.seed, _SEARCH])
        logits = {cell: rows.log().cpu() for cell, rows in self.strengths().items()}
        found = [super().derived()]
        for _ in range(_DRAWS * self.options.candidates):
            if len(found) == self.options.candidates:
                break
            noisy = {cell: rows + torch.from_numpy(rng.gumbel(size=tuple(rows.shape))) for cell, rows in logits.items()}
            path = self.supernet.derive(noisy)
            if path not in found:
                found.append(path)
        return found
