"""The loop that trains the shared weights of a supernet: mixtures of its operations, batch by batch.

A method is a subclass that says which mixtures a step computes (:meth:`SharedWeights.weight_draws`), what else happens
in a step or at the ends of epochs, and what was found.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from pytorch_lightning.utilities import CombinedLoader
from torch import Tensor, nn

from nni_nasplus.errors import TrialFailed
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import Mixture, Supernet, supernet_of
from nni_nasplus.one_shot.halves import both_halves, drawn_by
from nni_nasplus.one_shot.inherited import Inherited
from nni_nasplus.one_shot.loss import TrainingLoss, Trains
from nni_nasplus.one_shot.one_shot import OneShot
from nni_nasplus.one_shot.options import WeightOptions, options_of
from nni_nasplus.one_shot.processes import average
from nni_nasplus.training.reporter import Reporter

__all__ = ["WEIGHTS", "Draw", "SharedWeights"]

Draw = tuple[float, Mixture]
"""A mixture, and what its loss is multiplied by."""
_STATE = "shared_weights"
STOPPED = "stopped"
"""What says in :attr:`SharedWeights.memory` that the search ended before its last epoch."""
WEIGHTS = 0
"""The place of the optimiser of the weights among those of a search."""
_STEP = 1
"""A word in seeds, which tells what is drawn in a step from what is drawn for a batch."""


class SharedWeights(OneShot):
    """A search that trains the weights of a supernet.

    Each step has a batch of either half of the data. What torch's generator draws in it is a function of the seed and
    the number of the step; whatever else is drawn comes from :attr:`generator`. So a search that is resumed after any
    step goes on as if it had not been interrupted, on the CPU and with as many threads to the last bit. On several
    devices each process takes what its loaders give, and gradients are averaged, so all have equal weights and α.

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
    class Options(WeightOptions):
        """Those that all methods have."""

    order: tuple[str, ...] = ("weights",)
    """The steps for a pair of batches, by name: ``weights`` is :meth:`_step_weights`."""
    checkpoint_steps = 50
    threads = None
    options: Any

    def __init__(
        self, supernet: Supernet, evaluator: Trains, options: Any, *, seed: int = 0, reporter: Reporter | None = None
    ) -> None:
        size = sum(parameter.numel() for parameter in supernet.parameters())
        network = f"{type(supernet).__name__} of {size:,} weights"
        settings = {"method": type(self).__name__, "supernet": network, **asdict(options)}
        super().__init__(seed=seed, epochs=options.epochs, settings=settings, reporter=reporter)
        self.options, self.supernet, self.evaluator = options, supernet, evaluator
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
    ) -> Any:
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

    @abstractmethod
    def weight_draws(self, batch: Any) -> list[Draw]:
        """The mixtures that the weights are trained with on a training batch; no gradient goes through them.

        Gradients of their losses, times their coefficients, are added up.
        """

    def epoch_begins(self) -> None:
        """Whatever changes with the epoch: called before its first step."""

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Decide, prune, stop: called after its last step, with the batches of that."""

    @abstractmethod
    def tell(self, losses: dict[str, float]) -> None:
        """Report an epoch, whose mean losses are given, to the host."""

    def rate(self) -> float:
        """The learning rate of the weights in this epoch."""
        return float(self.options.rate_in(self.epoch))

    def stop(self) -> None:
        """End the search with this epoch."""
        self.memory[STOPPED] = True
        self.trainer.should_stop = True

    def other_optimizers(self) -> list[torch.optim.Optimizer]:
        """Those of what is trained beside the weights."""
        return []

    # the loop

    @property
    def epoch(self) -> int:
        """The number of the epoch, from 0; that of all epochs when the search is over."""
        return self.step // self.steps_per_epoch

    @property
    def is_over(self) -> bool:
        """Whether this epoch was the last one."""
        return self.epoch == self.epochs or bool(self.memory.get(STOPPED))

    @property
    def progress(self) -> float:
        """How much of the search is over before this epoch, from 0 in the first to 1 in the last one."""
        return min(1.0, self.epoch / max(1, self.epochs - 1))

    def train_dataloader(self) -> CombinedLoader:
        """Pairs of batches of both halves."""
        return self._halves

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """One of the shared weights, and what a method has beside it."""
        o = self.options
        weights: torch.optim.Optimizer
        if o.optimizer == "sgd":
            sgd = {"momentum": o.momentum, "nesterov": o.nesterov and o.momentum > 0, "weight_decay": o.weight_decay}
            weights = torch.optim.SGD(self.supernet.parameters(), o.rate, **sgd)
        else:
            # fused, for a path has a corner of the weights that are gone through
            adam = {"weight_decay": o.weight_decay, "fused": True}
            weights = torch.optim.AdamW(self.supernet.parameters(), o.rate, **adam)
        return [weights, *self.other_optimizers()]

    def on_fit_start(self) -> None:
        """Bring the loss to where the network is."""
        self.loss.to(self.device)
        super().on_fit_start()
        if self.memory.get(STOPPED):
            self.trainer.should_stop = True

    def training_step(self, batch: Mapping[str, Any], batch_index: int) -> None:
        """The steps of a pair of batches; the first of an epoch begins it, the last one ends it."""
        if self.step % self.steps_per_epoch == 0:
            self._begin_epoch()
        self.loss.carried.begin(batch)
        with drawn_by(self.seed, _STEP, self.step):
            for name in self.order:
                getattr(self, f"_step_{name}")(batch)
        self.step += 1
        if self.step % self.steps_per_epoch == 0:
            self._end_epoch(batch)

    def _step_weights(self, batch: Mapping[str, Any]) -> None:
        draws = self.weight_draws(batch["train"])
        optimizer = self._optimizer(WEIGHTS)
        optimizer.zero_grad()
        self._descend(batch, draws)
        self._clip()
        optimizer.step()

    def _descend(self, batch: Mapping[str, Any], draws: list[Draw], penalty: Tensor | None = None) -> None:
        """Gradients of a training batch, one mixture after the other, so that memory holds one."""
        for number, (share, mixture) in enumerate(draws):
            loss = share * self.loss(batch["train"], mixture)
            self._losses["train_loss"] += self._finite(loss, "training")
            self.manual_backward(loss if penalty is None or number else loss + penalty)

    def _clip(self) -> Tensor:
        """The mean gradient of all processes, not longer than allowed; its norm before."""
        average(parameter.grad for parameter in self.supernet.parameters())
        return nn.utils.clip_grad_norm_(self.supernet.parameters(), self.options.clip)

    def _finite(self, loss: Tensor, half: str) -> float:
        value = float(loss.detach())
        if value != value or value in (float("inf"), float("-inf")):
            raise TrialFailed(f"the {half} loss is {value} in step {self.step + 1}; use a smaller rate")
        return value

    def _optimizer(self, number: int) -> Any:
        optimizers = self.optimizers()
        return optimizers[number] if isinstance(optimizers, list) else optimizers

    def _begin_epoch(self) -> None:
        self.epoch_begins()
        for group in self._optimizer(WEIGHTS).param_groups:
            group["lr"] = self.rate()

    def _end_epoch(self, batch: Mapping[str, Any]) -> None:
        """Whatever the method does, and what the host is told."""
        self.epoch_ends(batch)
        found = {name: total / self.steps_per_epoch for name, total in self._losses.items() if total}
        self._losses = dict.fromkeys(self._losses, 0.0)
        self.tell(found)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep how far the search is."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[_STATE] = {"step": self.step, "losses": dict(self._losses), "memory": self.memory}
        checkpoint[_STATE]["carried"] = self.loss.carried.state()

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
        self.loss.carried.load(state["carried"])
