"""What an architecture reaches with the weights that it inherits from a supernet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from pytorch_lightning.utilities import move_data_to_device
from torch import nn

from nni_nasplus.errors import TrialFailed
from nni_nasplus.networks.supernet import Mixture, Supernet
from nni_nasplus.one_shot.halves import Passes, drawn_by
from nni_nasplus.one_shot.loss import TrainingLoss
from nni_nasplus.one_shot.processes import mean_of

__all__ = ["Inherited", "recalibrated"]

_BATCHES = 20
"""Of each half: enough for means and variances, and few beside an epoch."""
_DROPOUT = 2
"""A word in seeds, for what is drawn beside batches."""
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Inherited:
    """The validation loss of an architecture in a supernet, lower for better; the supernet stays as it is.

    Batch norms are reset and see training batches of this architecture first: without that, inherited scores say
    little (methods: SPOS, arXiv 1904.00420; Bender et al., 2018).

    Parameters
    ----------
    train, valid
        Loaders of both halves.
    seed
        Of their order: all architectures see the same batches.
    """

    def __init__(self, supernet: Supernet, loss: TrainingLoss, train: Any, valid: Any, *, seed: int) -> None:
        self.supernet, self.loss, self.seed = supernet, loss, seed
        self._train = Passes(train, seed, lambda: 0, "training")
        self._valid = Passes(valid, seed, lambda: 0, "validation")

    def __call__(self, architecture: Mapping[str, Any], batches: int = _BATCHES) -> float:
        """The mean loss over validation batches; infinite where the architecture diverges on one of them."""
        device = next(self.supernet.parameters()).device
        train = islice(self._train, min(batches, self._train.count))
        with (
            self.supernet.only(architecture),
            torch.no_grad(),
            drawn_by(self.seed, _DROPOUT),
            recalibrated(self.supernet, self.loss, train, device),
        ):
            losses = [self.of_batch(batch) for batch in self.validation(batches, device)]
        return mean_of(sum(losses) / len(losses), device)

    def of_batch(self, batch: Any, mixture: Mixture | None = None) -> float:
        """The loss of a batch, without gradients; infinite where it diverges.

        Parameters
        ----------
        mixture
            See :class:`~nni_nasplus.one_shot.loss.TrainingLoss`.
        """
        try:
            with torch.no_grad():
                loss = float(self.loss(batch, mixture))
        except TrialFailed:
            return math.inf
        return math.inf if math.isnan(loss) else loss

    def validation(self, batches: int, device: torch.device) -> Iterator[Any]:
        """The first batches of validation, the same in every call."""
        for batch in islice(self._valid, min(batches, self._valid.count)):
            yield _to(batch, device)


@contextmanager
def recalibrated(
    supernet: nn.Module, loss: TrainingLoss, batches: Iterator[Any], device: torch.device
) -> Iterator[None]:
    """Batch norms with the exact means over some batches, in evaluation; afterwards with what they had before."""
    norms = [module for module in supernet.modules() if isinstance(module, _NORMS)]
    seen = _UntilLast(norms)
    before = [{name: buffer.clone() for name, buffer in norm.named_buffers()} for norm in norms]
    momenta, was_training = [norm.momentum for norm in norms], supernet.training
    for norm in norms:
        norm.reset_running_stats()
    supernet.train()
    try:
        for number, batch in enumerate(batches if norms else (), 1):
            for norm in norms:
                norm.momentum = 1 / number  # the mean of all until here
            with seen:
                loss(_to(batch, device), None)
        supernet.eval()
        yield
    finally:
        supernet.train(was_training)
        for norm, buffers, momentum in zip(norms, before, momenta, strict=True):
            norm.momentum = momentum
            for name, buffer in norm.named_buffers():
                buffer.copy_(buffers[name])


class _Enough(Exception):
    """All norms of a network have seen a batch."""


class _UntilLast:
    """A context for passes of one network, which end with its last norm: what follows moves no mean.

    The first pass is a whole one, and shows how often norms are called.
    """

    def __init__(self, norms: Sequence[nn.Module]) -> None:
        self._norms, self._calls, self._all = norms, 0, 0

    def __enter__(self) -> None:
        self._calls = 0
        self._hooks = [norm.register_forward_hook(self._count) for norm in self._norms]

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        for hook in self._hooks:
            hook.remove()
        self._all = self._calls
        return kind is _Enough

    def _count(self, *_: object) -> None:
        self._calls += 1
        if self._calls == self._all:
            raise _Enough


def _to(batch: Any, device: torch.device) -> Any:
    return move_data_to_device(batch, device)
