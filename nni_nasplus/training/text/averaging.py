"""The mean of a network's weights over the steps of training, and when it begins."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

__all__ = ["AVERAGING", "Averaging", "WeightAverage"]

Averaging = Literal["none", "asgd", "nt-asgd"]
AVERAGING = ("none", "asgd", "nt-asgd")
NON_MONOTONE = 5
"""Checks of a validation loss that may be worse than one before all of them, until the average begins."""


class WeightAverage:
    """Averages the weights of a network after each step, whatever the optimiser (AWD-LSTM, arXiv 1708.02182).

    Parameters
    ----------
    network
        Its weights are averaged.
    averaging
        ``asgd`` from the first step on; ``nt-asgd`` once a validation loss is worse than the best of those more than 5
        checks before it; ``none`` never.
    """

    def __init__(self, network: nn.Module, averaging: Averaging) -> None:
        self.network, self.averaging = network, averaging
        self.losses: list[float] = []
        self._average = self._begun() if averaging == "asgd" else None
        self._swapped = False

    def _begun(self) -> AveragedModel:
        return AveragedModel(self.network).requires_grad_(False)

    def update(self) -> None:
        """Take in the network's weights."""
        if self._average is not None:
            self._average.update_parameters(self.network)

    def check(self, loss: float) -> None:
        """Take in a validation loss, which may begin the average."""
        if self.averaging == "nt-asgd" and self._average is None:
            if self.losses[:-NON_MONOTONE] and loss > min(self.losses[:-NON_MONOTONE]):
                self._average = self._begun()
            self.losses.append(loss)

    @property
    def count(self) -> int | None:
        """The number of steps averaged; None as long as the average has not begun."""
        return None if self._average is None else int(self._average.n_averaged)

    @property
    def mean(self) -> nn.Module:
        """The network with the mean of its weights, or with its weights where there is no mean."""
        return self._average.module if self._average and self.count and not self._swapped else self.network

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the network's weights and their mean, if there is one."""
        if self._average is not None and self.count:
            self._swapped = not self._swapped
            for mean, weight in zip(self._average.module.parameters(), self.network.parameters(), strict=True):
                kept = weight.clone()
                weight.copy_(mean)
                mean.copy_(kept)

    def state_dict(self) -> dict[str, Any]:
        """What to go on from, beside the mean: plain values, and the weights in training."""
        current = self._average.module if self._average and self._swapped else self.network
        return {"losses": self.losses, "count": self.count, "weights": current.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there; the network comes with the mean of the weights, and leaves with those in training."""
        self.losses = list(state["losses"])
        if state["count"] is not None:
            self._average = self._begun()
            self._average.n_averaged.fill_(state["count"])
        self.network.load_state_dict(state["weights"])
