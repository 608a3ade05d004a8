"""The loss of a mixture, as the evaluator's task computes it in training."""

from __future__ import annotations

from typing import Any, Protocol

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from nni_nasplus.networks.supernet import Mixture, Supernet
from nni_nasplus.one_shot.carried import Carried
from nni_nasplus.one_shot.one_shot import HasData

__all__ = ["TrainingLoss", "Trains"]


class Trains(HasData, Protocol):
    """What a search takes examples and the loss from, such as an :class:`~nni_nasplus.training.evaluator.Evaluator`."""

    def task(self, network: nn.Module) -> pl.LightningModule:
        """The module whose ``training_step`` gives the loss of the network on a batch."""

    def validation_half(self) -> Any:
        """Batches of validation examples, drawn as those of training are."""


class TrainingLoss:
    """The loss of a batch, a scalar, whatever is learned: classes, tags, numbers.

    The task is no part of the search: its checkpoint has the supernet's weights once, and no trainer has to know it.

    Parameters
    ----------
    supernet
        In training or not, as it is.
    evaluator
        Whose task's ``training_step`` is asked.
    carried
        What the task hands from batch to batch.
    """

    def __init__(self, supernet: Supernet, evaluator: Trains, carried: Carried | None = None) -> None:
        self.carried = carried or Carried()
        self._network = supernet.network()
        self._task = evaluator.task(self._network)
        # what it logs would go to the trainer of the search under the names of trials
        for name in ("log", "log_dict"):
            object.__setattr__(self._task, name, _unheard)

    def to(self, device: torch.device) -> None:
        """Move what the task itself holds, such as the weights of classes."""
        self._task.to(device)
        self.carried.to(device)

    def __call__(self, batch: Any, mixture: Mixture | None) -> Tensor:
        """The mean loss of a batch.

        Parameters
        ----------
        mixture
            Where None, the sum of what is alive: inside ``supernet.only`` one architecture.
        """
        self._network.mixture = mixture
        with self.carried.on(batch, self._task):
            loss = self._task.training_step(batch, 0)
        assert isinstance(loss, Tensor)
        return loss

    def with_output(self, batch: Any) -> tuple[Tensor, Tensor]:
        """The loss of what is alive, and what the network put out, such as logits [B, C]."""
        seen: list[Tensor] = []
        hook = self._network.register_forward_hook(lambda *given: seen.append(given[-1]))
        try:
            return self(batch, None), seen[-1]
        finally:
            hook.remove()


def _unheard(*_: Any, **__: Any) -> None:
    """Where what a task logs ends."""
