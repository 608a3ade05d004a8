"""ENAS: a controller draws paths of a supernet and learns from what they inherit (Pham et al., arXiv 1802.03268)."""

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
from nni_nasplus.networks.supernet import NONE, Supernet
from nni_nasplus.one_shot.mixture import one_path
from nni_nasplus.one_shot.options import WeightOptions
from nni_nasplus.one_shot.paths import Genes, Paths
from nni_nasplus.one_shot.processes import average
from nni_nasplus.one_shot.shared_weights import Draw
from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.paths.edge_controller import EdgeController
from nni_nasplus.strategies.paths.node_controller import NodeController

__all__ = ["ENAS"]

_CONTROLLER = 1
_BASELINE = "baseline"


class ENAS(Paths):
    """Train the weights by paths that a controller draws, and the controller by their validation losses, in turn.

    In an epoch each training batch has a path. After it the controller has ``steps`` steps of REINFORCE on validation
    batches: the reward of a path is its negative loss with the shared weights, the baseline a moving mean that a batch
    is compared with before it enters, and the entropy is added. In the end paths are drawn by the controller, and the
    one that inherits the least loss is the answer. The authors' reward is the accuracy, which not every target has; the
    settings are those for NAS-Bench-201.

    Where networks have all edges of the supernet, as cells of NAS-Bench-201 and encoders of events, the controller says
    the operation of each. In recurrent cells it says the earlier node of each node and its operation; there the
    authors' reward is 80 / perplexity, and their settings are others: Adam of 5e-5, an entropy of 1e-5, a decay of
    .999, and 2,000 steps an epoch. Convolution cells of DARTS, whose nodes have two edges, it does not search.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.shared_weights.SharedWeights`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(WeightOptions):
        """Those of ENAS.

        Parameters
        ----------
        steps
            Of the controller after each epoch.
        paths
            In a step of the controller.
        controller_rate
            Of its Adam.
        entropy
            What its entropy is multiplied by.
        decay
            Of the baseline, in [0, 1).
        samples, batches
            Paths that are scored in the end, and validation batches of a score.
        """

        steps: int = 50
        paths: int = 20
        controller_rate: float = 1e-3
        entropy: float = 1e-4
        decay: float = 0.95
        samples: int = 100
        batches: int = 10

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_counts("steps", "paths", "samples", "batches")
            self._require_positive("controller_rate")
            self._require_not_negative("entropy")
            self._require("decay", 0 <= self.decay < 1, "0 or more, and less than 1")

    options: Options

    def __init__(self, *arguments: Any, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self.controller = _controller(self.supernet)

    @classmethod
    def make_supernet(cls, space: NetworkSpace, options: Any) -> Supernet:
        """What is searched in.

        Raises
        ------
        UserError
            If its networks have two edges to a node.
        """
        supernet = super().make_supernet(space, options)
        if supernet.edges_per_node not in (None, 1):
            raise UserError(f"enas chooses one edge to a node, {type(space).__name__} needs two; use spos or rsps")
        return supernet

    def other_optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam for the controller, as for NAS-Bench-201."""
        return [torch.optim.Adam(self.controller.parameters(), self.options.controller_rate, (0.0, 0.999), 1e-3)]

    def weight_draws(self, batch: Any) -> list[Draw]:
        """A path that the controller draws (section 2.2)."""
        return [(1.0, one_path(self.supernet, self.supernet.derive(self._genes(*self._drawn(1)))))]

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Train the controller; after the last epoch search."""
        for valid in islice(self.validation(), self.options.steps):
            self._step_controller(valid)
        super().epoch_ends(batch)

    def searched(self, rng: np.random.Generator) -> list[tuple[Architecture, float]]:
        """What the controller draws, by inherited loss (section 2.2)."""
        drawn = self.candidates(self._endless(), self.options.samples, set()) or self.first_candidates(rng, 1)[0]
        scored = [(architecture, self.inherited(architecture, self.options.batches)) for architecture, _ in drawn]
        return sorted(scored, key=lambda pair: pair[1])

    def _step_controller(self, batch: Any) -> None:
        """REINFORCE on some paths (eq. 2)."""
        chosen = self._drawn(self.options.paths)
        paths = [one_path(self.supernet, self.supernet.derive(self._genes(row))) for row in chosen]
        rewards = -torch.tensor([self.inherited.of_batch(batch, path) for path in paths], device=self.device)
        average([rewards])
        ended = rewards.isfinite()
        self._finite(rewards[ended].mean(), "validation")
        rewards[~ended] = rewards[ended].min()  # what diverges is as bad as the worst of the others
        optimizer = self._optimizer(_CONTROLLER)
        optimizer.zero_grad()
        self.manual_backward(self.controller_loss(chosen, rewards))
        optimizer.optimizer.step()  # not Lightning's, whose count of steps is that of batches

    def controller_loss(self, chosen: Tensor, rewards: Tensor) -> Tensor:
        """−(reward − baseline) · log π − entropy, the mean over paths.

        Parameters
        ----------
        chosen
            Decisions of paths; int [N, D].
        rewards
            [N].
        """
        mean, decay = float(rewards.mean()), self.options.decay
        baseline = self.memory.get(_BASELINE, mean)
        self.memory[_BASELINE] = decay * baseline + (1 - decay) * mean
        logs, entropy = self.controller(chosen)
        loss: Tensor = -((rewards - baseline) * logs + self.options.entropy * entropy).mean()
        return loss

    def _drawn(self, count: int) -> Tensor:
        return self.controller.sample(count, self.generator)

    def _genes(self, chosen: Tensor) -> Genes:
        """1 for what was chosen, by kind of cell; of the decisions of one path."""
        rows = self.controller.rows(chosen.cpu()).double()
        parts = rows.split([len(mask) for mask in self.supernet.masks.values()])
        return dict(zip(self.supernet.masks, parts, strict=True))

    def _endless(self) -> Iterator[Genes]:
        while True:
            yield from map(self._genes, self._drawn(self.options.paths))


def _controller(supernet: Supernet) -> EdgeController | NodeController:
    """What draws paths of a supernet."""
    alive = torch.cat(list(supernet.masks.values()))
    if supernet.edges_per_node is None:
        return EdgeController(alive)
    return NodeController(supernet.edges, alive & torch.tensor([name != NONE for name in supernet.operations]))
