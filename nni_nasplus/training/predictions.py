"""What a network says of the examples of a split: kept by each trial, so that networks can be joined afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import Tensor

from nni_nasplus._files import damage_named, new_file

__all__ = ["PREDICTIONS", "Predicting", "Predictions"]

PREDICTIONS = "validation.safetensors"
"""Of the validation examples, in a trial's folder."""


@dataclass(frozen=True)
class Predictions:
    """Outputs and labels of N examples, in the order of the split's loader.

    Parameters
    ----------
    outputs
        float32 [N, C]: see :mod:`nni_nasplus.data.link`.
    labels
        Classes, int64 [N]; numbers or tags, float32 [N, C].
    """

    outputs: NDArray[np.float32]
    labels: NDArray[Any]

    def rows(self, rows: NDArray[np.int64]) -> Predictions:
        """Those of some examples."""
        return Predictions(self.outputs[rows], self.labels[rows])

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        with new_file(path) as partial:
            save_file({"outputs": self.outputs, "labels": self.labels}, partial)

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

    def saw(self, outputs: Tensor, labels: Tensor) -> None:
        """Remember a batch: outputs [B, C], and its labels."""
        self._seen.append((outputs.detach().cpu(), labels.cpu()))

    @property
    def predictions(self) -> Predictions:
        """Of the latest pass."""
        outputs, labels = zip(*self._seen, strict=True)
        return Predictions(torch.cat(outputs).numpy(), torch.cat(labels).numpy())
