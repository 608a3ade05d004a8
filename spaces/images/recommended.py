"""What is searched in training of images beside the architecture."""

from __future__ import annotations

from typing import Any

from nni_nasplus.networks.hyperparameters import around

__all__ = ["WEIGHT_DECAY", "recommended"]

WEIGHT_DECAY = [3e-4, 1e-3]
"""That of DARTS on CIFAR-10 (arXiv 1806.09055), and more of it where images are few."""


def recommended(learning_rate: float, **further: list[Any]) -> dict[str, Any]:
    """Arguments of a space of images beside the sizes of the data.

    Parameters
    ----------
    learning_rate
        What fits the training roughly.
    further
        Choices of hyperparameters that the space has besides.
    """
    return {"hyperparameters": {"learning_rate": around(learning_rate), "weight_decay": WEIGHT_DECAY, **further}}
