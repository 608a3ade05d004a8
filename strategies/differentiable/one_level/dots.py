"""DOTS: the topology of a cell is searched after its operations, by itself (Gu et al., arXiv 2010.00969)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.networks.supernet import NONE, Edge, Mixture, Supernet
from nni_nasplus.one_shot.differentiable import Differentiable, Draw, Half
from nni_nasplus.one_shot.mixture import masked_softmax, softmax
from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.differentiable.one_level.combined_edges import combined_edges

__all__ = ["DOTS"]

_CHOSEN, _TOPOLOGY = 15 / 55, 35 / 55
"""Of the published 55 epochs after the warm-up: where operations are chosen, and where topology begins to move."""


class DOTS(Differentiable):
    """Choose two operations for each edge, one of each group; then the edges of each node, as a whole.

    At first the weights are trained alone. Then convolutions have a softmax of their own and all other operations
    another one, whose sum an edge is; the best of either group stays, never ``none``. The weights are trained alone
    again; then a softmax over all combinations of edges that a node may have says how much each edge counts: the sum of
    the combinations that it is part of. Its temperature falls, so that one combination is left. There is one level: α
    and the weights are trained on the same batch, and validation examples are not used, which the authors use, too.

    Which of the two operations an edge has in the end is said by a softmax of both, trained beside the topology: that
    is ours, as is that the weights go on where the authors begin anew after the choice. Where networks have all edges
    of the supernet, there is no topology to search.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of DOTS.

        Parameters
        ----------
        warm_up
            The share of the epochs before operations are searched. Of the rest they take 15 parts of 55, the weights
            alone 20, and topology 20.
        first_temperature, last_temperature
            Of the softmax of combinations; it falls from one to the other by equal factors.
        """

        epochs: int = 70
        warm_up: float = 15 / 70
        first_temperature: float = 10.0
        last_temperature: float = 0.02

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_positive("first_temperature", "last_temperature")

    order: tuple[str, ...] = ("both",)
    options: Options

    def __init__(self, supernet: Supernet, *arguments: Any, **others: Any) -> None:
        super().__init__(supernet, *arguments, **others)
        self._combined = dict(combined_edges(supernet))
        self.betas = nn.ParameterDict({name: torch.zeros(len(rows)) for name, rows in self._combined.items()})

    @property
    def architecture_parameters(self) -> list[nn.Parameter]:
        """α and β."""
        return [*self.alphas.parameters(), *self.betas.parameters()]

    @property
    def parts(self) -> tuple[int, int, int]:
        """The epochs before operations are searched, before they are chosen, and before topology is searched."""
        first = self.options.first_alpha_epoch
        chosen = max(first + 1, first + round(_CHOSEN * (self.epochs - first)))
        return first, chosen, max(chosen, first + round(_TOPOLOGY * (self.epochs - first)))

    @property
    def alphas_move(self) -> bool:
        """While operations are searched, and while topology is."""
        first, chosen, topology = self.parts
        return first <= self.epoch < chosen or self.epoch >= topology

    @property
    def temperature(self) -> float:
        """That of the softmax of combinations, in this epoch."""
        first, last = self.options.first_temperature, self.options.last_temperature
        begin = self.parts[2]
        share = max(0, self.epoch - begin) / max(1, self.epochs - 1 - begin)
        return float(first * (last / first) ** min(1.0, share))

    def draws(self, half: Half) -> list[Draw]:
        """Both groups by themselves; then what is left, each edge times its share."""
        if self.epoch >= self.parts[1]:
            return [(1.0, softmax(self.supernet, self.alphas, edges=self.shares()))]
        active = {cell: mask.clone() for cell, mask in self.supernet.masks.items()}
        first = torch.tensor(["conv" in name for name in self.supernet.operations])
        groups = [{cell: rows & group for cell, rows in active.items()} for group in (first, ~first)]
        weights = {
            cell: torch.stack([masked_softmax(alpha, group[cell].to(alpha.device)) for group in groups]).sum(0)
            for cell, alpha in self.alphas.items()
        }
        return [(1.0, Mixture(weights, active))]

    def shares(self) -> dict[str, Tensor]:
        """How much each edge counts, [E] by kind of cell: the combinations that it is part of (eq. 5)."""
        parts: dict[str, list[Tensor]] = {cell: [] for cell in self.alphas}
        for name, beta in self.betas.items():
            parts[name.partition(" ")[0]].append((beta / self.temperature).softmax(0) @ self._combined[name].to(beta))
        return {cell: torch.stack(shares).sum(0) for cell, shares in parts.items()}

    def strengths(self) -> dict[str, Tensor]:
        """Weights of operations times the shares of edges."""
        ((_, mixture),) = self.draws("alphas")
        shares = mixture.edges
        return {c: rows if shares is None else rows * shares[c].unsqueeze(-1) for c, rows in mixture.weights.items()}

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Leave the best operation of each group, when it is time."""
        if self.epoch == self.parts[1]:
            rows = {cell: iter(alpha.tolist()) for cell, alpha in self.alphas.items()}
            for edge in self.supernet.edges:
                self._choose(edge, dict(zip(self.supernet.operations, next(rows[edge.cell]), strict=True)))

    def derived(self) -> Architecture:
        """The edges of the best combination of each node, each with the better of its operations."""
        if self.epoch < self.parts[1]:
            return super().derived()
        best = {cell: torch.zeros(len(mask)) for cell, mask in self.supernet.masks.items()}
        for name, beta in self.betas.items():
            best[name.partition(" ")[0]] += self._combined[name][int(beta.argmax())]
        plain = softmax(self.supernet, self.alphas).weights
        return self.supernet.derive({c: rows.detach().cpu() + best[c].unsqueeze(-1) for c, rows in plain.items()})

    def _choose(self, edge: Edge, alpha: Mapping[str, float]) -> None:
        alive = [name for name in self.supernet.alive(edge) if name != NONE]
        groups = ([name for name in alive if ("conv" in name) is first] for first in (True, False))
        kept = {max(group, key=alpha.__getitem__) for group in groups if group}
        for name in self.supernet.alive(edge):
            if kept and name not in kept:
                self.supernet.prune(edge, name)
