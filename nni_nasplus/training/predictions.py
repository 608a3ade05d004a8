"""What a network says of the examples of a split: kept by each trial, so that networks can be joined afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.special import softmax
from torch import Tensor

from nni_nasplus._files import damage_named, new_file

__all__ = ["PREDICTIONS", "Predicting", "Predictions"]

_LEAST = 1e-30
"""A probability whose logarithm is still finite in float32."""
PREDICTIONS = "validation.safetensors"
"""Of the validation examples, in a trial's folder."""


@dataclass(frozen=True)
class Predictions:
    """Logits and classes of N examples, in the order of the split's loader.

    Parameters
    ----------
    logits
        float32 [N, C].
    labels
        int64 [N].
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """[N, C], rows of sum 1."""
        return softmax(self.logits.astype(np.float64), axis=-1)

    @classmethod
    def of(cls, probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Predictions:
        """Those whose probabilities [N, C] are given."""
        return cls(np.log(np.maximum(probabilities, _LEAST)).astype(np.float32), labels)

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        with new_file(path) as partial:
            save_file({"logits": self.logits, "labels": self.labels}, partial)

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read :meth:`save`.

        Raises
        ------
        UserError
            If the file is damaged.
        """
        with damage_named(path):
            return cls(**load_file(path))


class Predicting(pl.LightningModule):
    """A task that remembers what its network says in a validation or test pass."""

    def on_validation_epoch_start(self) -> None:
        """Forget the pass before."""
        self._seen: list[tuple[Tensor, Tensor]] = []

    def on_test_epoch_start(self) -> None:
        """Forget the pass before."""
        self._seen = []

    def saw(self, logits: Tensor, labels: Tensor) -> None:
        """Remember a batch: logits [B, C] and classes [B]."""
        self._seen.append((logits.detach().cpu(), labels.cpu()))

    @property
    def predictions(self) -> Predictions:
        """Of the latest pass."""
        logits, labels = zip(*self._seen, strict=True)
        return Predictions(torch.cat(logits).numpy(), torch.cat(labels).numpy())
