"""The loop of every differentiable search: steps of α on validation batches, steps of the weights on training batches.

A method is a subclass that says which mixtures a step computes (:meth:`Differentiable.draws`), and where it differs how
α gets its gradient, what is added to its loss, what happens between epochs, and how the answer is read off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import torch
from pytorch_lightning.utilities import CombinedLoader
from torch import Tensor, nn

from nni_nasplus.errors import TrialFailed
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import Mixture, Supernet, supernet_of
from nni_nasplus.one_shot.alpha_gradients import first_order
from nni_nasplus.one_shot.halves import both_halves, drawn_by
from nni_nasplus.one_shot.heat_map import heat_map
from nni_nasplus.one_shot.inherited import Inherited
from nni_nasplus.one_shot.loss import TrainingLoss, Trains
from nni_nasplus.one_shot.mixture import entropy, new_alphas, softmax
from nni_nasplus.one_shot.one_shot import OneShot
from nni_nasplus.one_shot.options import SearchOptions, options_of
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture
from nni_nasplus.training.reporter import Reporter

__all__ = ["Differentiable", "Draw", "Half"]

Half = Literal["weights", "alphas"]
"""Whose step a mixture is for."""
Draw = tuple[float, Mixture]
"""A mixture, and what its loss is multiplied by."""
_STATE = "differentiable"
_STOPPED = "stopped"
_WEIGHTS, _ALPHAS = 0, 1
_STEP = 1
"""A word in seeds, which tells what is drawn in a step from what is drawn for a batch."""


class Differentiable(OneShot):
    """A search by gradients in a supernet: DARTS (arXiv 1806.09055), Algorithm 1, with the holes that methods fill.

    Each step has a batch of either half of the data. What torch's generator draws in it is a function of the seed and
    the number of the step; whatever else is drawn comes from :attr:`generator`. So a search that is resumed after any
    step goes on as if it had not been interrupted, on the CPU and with as many threads to the last bit.

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
    loaders
        Of training examples and of validation examples.
    step
        How many steps there have been.
    memory
        What a method has to keep from epoch to epoch; it is part of checkpoints.

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
    checkpoint_steps = 50
    threads = None
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
        settings = {"method": type(self).__name__, **asdict(options)}
        super().__init__(seed=seed, epochs=options.epochs, settings=settings, reporter=reporter)
        self.options, self.supernet, self.evaluator = options, supernet, evaluator
        self.alphas = new_alphas(supernet, self.generator)
        self.loss = TrainingLoss(supernet, evaluator)
        self.step = 0
        self.memory: dict[str, Any] = {}
        self._losses = {"train_loss": 0.0, "valid_loss": 0.0}
        self.loaders = evaluator.data().train_dataloader(), evaluator.validation_half()
        self._halves = both_halves(*self.loaders, seed, lambda: self.step)
        self.steps_per_epoch = len(self.loaders[0])
        self.inherited = Inherited(self.supernet, self.loss, *self.loaders, seed=seed)

    @classmethod
    def of(
        cls,
        space: NetworkSpace,
        evaluator: Trains,  # type: ignore[override]
        *,
        seed: int = 0,
        reporter: Reporter | None = None,
        **settings: Any,
    ) -> Differentiable:
        """The search of a space.

        Parameters
        ----------
        settings
            Fields of the method's ``Options``.
        """
        options = options_of(cls.Options, space, evaluator, settings)
        return cls(cls.make_supernet(space, options), evaluator, options, seed=seed, reporter=reporter)

    @classmethod
    def make_supernet(cls, space: NetworkSpace, options: Any) -> Supernet:
        """What is searched in."""
        return supernet_of(space, **options.sizes)

    @classmethod
    def check(cls, space: NetworkSpace, settings: Mapping[str, Any]) -> None:
        """Raise :class:`UserError` if the options are refused, or the space has no supernet of their sizes."""
        with torch.device("meta"):
            cls.make_supernet(space, options_of(cls.Options, space, None, settings))

    # what methods fill in

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

    def epoch_begins(self) -> None:
        """Whatever changes with the epoch: called before its first step."""

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Decide, prune, stop: called after its last step, with the batches of that."""

    def derived(self) -> Architecture:
        """The architecture that the supernet stands for now."""
        return self.supernet.derive(self.strengths())

    @property
    def architecture_parameters(self) -> list[nn.Parameter]:
        """What the optimiser of α trains."""
        return list(self.alphas.parameters())

    def stop(self) -> None:
        """End the search with this epoch."""
        self.memory[_STOPPED] = True
        self.trainer.should_stop = True

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

    def rate(self) -> float:
        """The learning rate of the weights in this epoch."""
        return self.options.rate_in(self.epoch)

    # the loop

    @property
    def epoch(self) -> int:
        """The number of the epoch, from 0; that of all epochs when the search is over."""
        return self.step // self.steps_per_epoch

    @property
    def progress(self) -> float:
        """How much of the search is over before this epoch, from 0 in the first to 1 in the last one."""
        return min(1.0, self.epoch / max(1, self.epochs - 1))

    def expected_loss(self, batch: Any, half: Half) -> Tensor:
        """The sum of the losses of a step's mixtures, times their coefficients."""
        return torch.stack([share * self.loss(batch, mixture) for share, mixture in self.draws(half)]).sum()

    def architectures(self) -> Ranking:
        """The one that is derived."""
        return Ranking.of([self.derived()], [0.0])

    def train_dataloader(self) -> CombinedLoader:
        """Pairs of batches of both halves."""
        return self._halves

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """One of the shared weights, and Adam for α."""
        o = self.options
        weights: torch.optim.Optimizer
        if o.optimizer == "sgd":
            sgd = {"momentum": o.momentum, "nesterov": o.nesterov and o.momentum > 0, "weight_decay": o.weight_decay}
            weights = torch.optim.SGD(self.supernet.parameters(), o.rate, **sgd)  # type: ignore[arg-type]
        else:
            weights = torch.optim.AdamW(self.supernet.parameters(), o.rate, weight_decay=o.weight_decay)
        alphas = torch.optim.Adam(
            self.architecture_parameters, o.alpha_rate, betas=(0.5, 0.999), weight_decay=o.alpha_decay
        )
        return [weights, alphas]

    def on_fit_start(self) -> None:
        """Bring the loss to where the network is."""
        self.loss.to(self.device)
        super().on_fit_start()
        if self.memory.get(_STOPPED):
            self.trainer.should_stop = True

    def training_step(self, batch: Mapping[str, Any], batch_index: int) -> None:
        """The steps of a pair of batches; the first of an epoch begins it, the last one ends it."""
        steps = {"alphas": self._step_alphas, "weights": self._step_weights, "both": self._step_both}
        if self.step % self.steps_per_epoch == 0:
            self._begin_epoch()
        with drawn_by(self.seed, _STEP, self.step):
            for name in self.order:
                steps[name](batch)
        self.step += 1
        if self.step % self.steps_per_epoch == 0:
            self._end_epoch(batch)

    def _step_alphas(self, batch: Mapping[str, Any]) -> None:
        if not self.alphas_move:
            return
        loss, gradients = self.alpha_gradients(batch)
        self._losses["valid_loss"] += self._finite(loss, "validation")
        for parameter, gradient in zip(self.architecture_parameters, gradients, strict=True):
            parameter.grad = gradient
        self._move_alphas()

    def _step_weights(self, batch: Mapping[str, Any]) -> None:
        draws = self.weight_draws(batch["train"])
        optimizer = self._optimizer(_WEIGHTS)
        optimizer.zero_grad()
        self._descend(batch, draws)
        self._clip()
        optimizer.step()

    def _step_both(self, batch: Mapping[str, Any]) -> None:
        if not self.alphas_move:
            self._step_weights(batch)
            return
        optimizer = self._optimizer(_WEIGHTS)
        optimizer.zero_grad()
        self._optimizer(_ALPHAS).zero_grad()
        self._descend(batch, self.draws("alphas"), self.penalty())
        self._clip()
        optimizer.step()
        self._move_alphas()

    def _descend(self, batch: Mapping[str, Any], draws: list[Draw], penalty: Tensor | None = None) -> None:
        """Gradients of a training batch, one mixture after the other, so that memory holds one."""
        for number, (share, mixture) in enumerate(draws):
            loss = share * self.loss(batch["train"], mixture)
            self._losses["train_loss"] += self._finite(loss, "training")
            self.manual_backward(loss if penalty is None or number else loss + penalty)

    def _clip(self) -> None:
        nn.utils.clip_grad_norm_(self.supernet.parameters(), self.options.clip)

    def _move_alphas(self) -> None:
        """A step of α.

        Raises
        ------
        TrialFailed
            If an α is not finite after it.
        """
        self.move_alphas()
        for cell, rows in self.alphas.items():
            if not (finite := rows.isfinite().all(-1)).all():
                edge = [edge for edge in self.supernet.edges if edge.cell == cell][int(finite.int().argmin())]
                where = f"of edge {edge.source}-{edge.target} of the {cell} cell"
                raise TrialFailed(f"α {where} is not finite after step {self.step + 1}; use a smaller alpha_rate")

    def _finite(self, loss: Tensor, half: str) -> float:
        value = float(loss.detach())
        if value != value or value in (float("inf"), float("-inf")):
            raise TrialFailed(f"the {half} loss is {value} in step {self.step + 1}; use a smaller rate")
        return value

    def _optimizer(self, number: int) -> Any:
        return self.optimizers()[number]  # type: ignore[index]

    def _begin_epoch(self) -> None:
        self.epoch_begins()
        for group in self._optimizer(_WEIGHTS).param_groups:
            group["lr"] = self.rate()

    def _end_epoch(self, batch: Mapping[str, Any]) -> None:
        """Tell the host how undecided α is, and the losses; in the end the loss of what was found, too."""
        self.epoch_ends(batch)
        found = {name: total / self.steps_per_epoch for name, total in self._losses.items() if total}
        self._losses = dict.fromkeys(self._losses, 0.0)
        shares = Mixture({cell: rows.detach() for cell, rows in self.strengths().items()}, self.supernet.masks)
        undecided = {cell: rows.mean() for cell, rows in entropy(shares).items()}
        alive = {cell: mask.sum(-1).float().mean() for cell, mask in self.supernet.masks.items()}
        found |= {f"entropy/{cell}": float(value) for cell, value in undecided.items()}
        found |= {f"alive/{cell}": float(value) for cell, value in alive.items()}
        if self.epoch == self.epochs or self.memory.get(_STOPPED):
            found["inherited_loss"] = self.inherited(self.derived())
        self.report(1.0 - float(torch.stack(list(undecided.values())).mean()), found)
        self._show_epoch(shares)

    def _show_epoch(self, shares: Mixture) -> None:
        with self.supernet.only(self.derived()):
            self.show(self.supernet, f"after epoch {self.epoch}", self.epoch)
        for cell, rows in shares.weights.items():
            self.draw(f"weights/{cell}", partial(heat_map, self.supernet, cell, rows), self.epoch)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep how far the search is."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[_STATE] = {"step": self.step, "losses": dict(self._losses), "memory": self.memory}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over how far it was.

        Raises
        ------
        UserError
            If the checkpoint is of another search.
        """
        super().on_load_checkpoint(checkpoint)
        state = checkpoint[_STATE]
        self.step, self._losses, self.memory = state["step"], state["losses"], state["memory"]
