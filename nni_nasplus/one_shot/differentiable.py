"""The loop of every differentiable search: steps of α on validation batches, steps of the weights on training batches.

A method is a subclass that says which mixtures a step computes (:meth:`Differentiable.draws`), and where it differs how
α gets its gradient, what is added to its loss, what happens between epochs, and how the answer is read off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from nni_nasplus.errors import TrialFailed, UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import Mixture, Supernet
from nni_nasplus.one_shot.alpha_gradients import first_order
from nni_nasplus.one_shot.loss import Trains
from nni_nasplus.one_shot.mixture import entropy, new_alphas, softmax
from nni_nasplus.one_shot.options import SearchOptions
from nni_nasplus.one_shot.pictures.heat_map import heat_map
from nni_nasplus.one_shot.processes import average
from nni_nasplus.one_shot.shared_weights import WEIGHTS, Draw, SharedWeights
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture
from nni_nasplus.training.reporter import Reporter

__all__ = ["Differentiable", "Draw", "Half"]

Half = Literal["weights", "alphas"]
"""Whose step a mixture is for."""
_ALPHAS = 1


class Differentiable(SharedWeights):
    """A search by gradients in a supernet: DARTS (arXiv 1806.09055), Algorithm 1, with the holes that methods fill.

    Parameters
    ----------
    supernet
        Freshly initialised; it is trained in place.
    evaluator
        Gives both halves of the data and the loss.
    options
        Of the method.

    Attributes
    ----------
    alphas
        By kind of cell, [E, O] each.

    Raises
    ------
    UserError
        If there are no training or no validation examples.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(SearchOptions):
        """Those that all methods have."""

    order: tuple[str, ...] = ("alphas", "weights")
    """The steps for a pair of batches: ``alphas``, ``weights``, or ``both`` on the training batch alone."""
    weighs_routes: ClassVar[bool] = False
    """Whether the method trains what connections weigh, where an architecture is a route through them."""
    options: Options

    def __init__(
        self,
        supernet: Supernet,
        evaluator: Trains,
        options: Options,
        *,
        seed: int = 0,
        reporter: Reporter | None = None,
    ) -> None:
        super().__init__(supernet, evaluator, options, seed=seed, reporter=reporter)
        self.alphas = self.first_alphas()

    @classmethod
    def make_supernet(cls, space: NetworkSpace, options: Any) -> Supernet:
        """One whose architectures are told apart by what the method trains."""
        supernet = super().make_supernet(space, options)
        if supernet.routes is not None and not cls.weighs_routes:
            raise UserError(f"{cls.__name__} does not weigh the connections of {type(space).__name__}; use densenas")
        return supernet

    # what methods fill in

    def first_alphas(self) -> nn.ParameterDict:
        """α as training begins: nearly 0."""
        return new_alphas(self.supernet, self.generator)

    def draws(self, half: Half) -> list[Draw]:
        """The mixtures of a step; gradients of their losses, times their coefficients, are added up."""
        return [(1.0, softmax(self.supernet, self.alphas))]

    def alpha_gradients(self, batch: Mapping[str, Any]) -> tuple[Tensor, list[Tensor]]:
        """The loss on the validation batch, and the gradient of each of :attr:`architecture_parameters`."""
        loss = self.expected_loss(batch["valid"], "alphas")
        return loss, first_order(loss + self.penalty(), self.architecture_parameters)

    def penalty(self) -> Tensor:
        """What is added to the loss of α."""
        return torch.zeros((), device=self.device)

    def strengths(self) -> dict[str, Tensor]:
        """The weights by which operations and edges are chosen in the end, by kind of cell, [E, O]."""
        return dict(softmax(self.supernet, self.alphas).weights)

    def derived(self) -> Architecture:
        """The architecture that the supernet stands for now."""
        return self.supernet.derive(self.strengths())

    @property
    def architecture_parameters(self) -> list[nn.Parameter]:
        """What the optimiser of α trains."""
        return list(self.alphas.parameters())

    def move_alphas(self) -> None:
        """A step along the gradients that α has: by Adam."""
        # not by Lightning's wrapper: its count of steps, by which checkpoints are saved, is then that of the batches
        self._optimizer(_ALPHAS).optimizer.step()

    @property
    def alphas_move(self) -> bool:
        """Whether α is trained in this epoch; else it stays as it is, bit by bit."""
        return self.epoch >= self.options.first_alpha_epoch

    def weight_draws(self, batch: Any) -> list[Draw]:
        """The mixtures that the weights are trained with on a training batch; no gradient goes through them."""
        with torch.no_grad():
            return self.draws("weights")

    # the loop

    def expected_loss(self, batch: Any, half: Half) -> Tensor:
        """The sum of the losses of a step's mixtures, times their coefficients."""
        return torch.stack([share * self.loss(batch, mixture) for share, mixture in self.draws(half)]).sum()

    def architectures(self) -> Ranking:
        """The one that is derived."""
        return Ranking.of([self.derived()], [0.0])

    def other_optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam for α."""
        o = self.options
        betas = (0.5, 0.999)
        return [torch.optim.Adam(self.architecture_parameters, o.alpha_rate, betas=betas, weight_decay=o.alpha_decay)]

    def _step_alphas(self, batch: Mapping[str, Any]) -> None:
        if not self.alphas_move:
            return
        loss, gradients = self.alpha_gradients(batch)
        self._losses["valid_loss"] += self._finite(loss, "validation")
        for parameter, gradient in zip(self.architecture_parameters, gradients, strict=True):
            parameter.grad = gradient
        self._move_alphas()

    def _step_both(self, batch: Mapping[str, Any]) -> None:
        if not self.alphas_move:
            self._step_weights(batch)
            return
        optimizer = self._optimizer(WEIGHTS)
        optimizer.zero_grad()
        self._optimizer(_ALPHAS).zero_grad()
        self._descend(batch, self.draws("alphas"), self.penalty())
        self._clip()
        optimizer.step()
        self._move_alphas()

    def _move_alphas(self) -> None:
        """A step of α.

        Raises
        ------
        TrialFailed
            If an α is not finite after it.
        """
        average(parameter.grad for parameter in self.architecture_parameters)
        self.move_alphas()
        for cell, rows in self.alphas.items():
            if not (finite := rows.isfinite().all(-1)).all():
                edge = [edge for edge in self.supernet.edges if edge.cell == cell][int(finite.int().argmin())]
                where = f"of edge {edge.source}-{edge.target} of the {cell} cell"
                raise TrialFailed(f"α {where} is not finite after step {self.step + 1}; use a smaller alpha_rate")

    def tell(self, losses: dict[str, float]) -> None:
        """Tell the host how undecided α is, and the losses; in the end the loss of what was found, too."""
        found = dict(losses)
        shares = Mixture({cell: rows.detach() for cell, rows in self.strengths().items()}, self.supernet.masks)
        undecided = {cell: rows.mean() for cell, rows in entropy(shares).items()}
        alive = {cell: mask.sum(-1).float().mean() for cell, mask in self.supernet.masks.items()}
        found |= {f"entropy/{cell}": float(value) for cell, value in undecided.items()}
        found |= {f"alive/{cell}": float(value) for cell, value in alive.items()}
        if self.is_over:
            found["inherited_loss"] = self.inherited(self.derived())
        self.report(1.0 - float(torch.stack(list(undecided.values())).mean()), found)
        self._show_epoch(shares)

    def _show_epoch(self, shares: Mixture) -> None:
        self.road.operations = list(self.supernet.operations)
        for cell in shares.weights:
            names = [f"{edge.source}-{edge.target}" for edge in self.supernet.edges if edge.cell == cell]
            self.road.edges = {**self.road.edges, cell: names}
        self.road.passes(self.epoch, self.derived(), {cell: rows.tolist() for cell, rows in shares.weights.items()})
        with self.supernet.only(self.derived()):
            self.show(self.supernet, f"after epoch {self.epoch}", self.epoch)
        for cell, rows in shares.weights.items():
            self.draw(f"weights/{cell}", partial(heat_map, self.supernet, cell, rows), self.epoch)
