"""What the command searches in event sequences where nothing else is said: choices, and what a search begins with."""

from __future__ import annotations

from typing import Any

from nni_nasplus.spaces.events.decisions import ALL_POOLINGS

__all__ = ["HYPERPARAMETERS", "INITIAL", "recommended"]

HYPERPARAMETERS: dict[str, list[Any]] = {
    "learning_rate": [0.005, 0.002, 0.01],
    "weight_decay": [0.01, 0.1],
    "width": [64, 0, 128],
    "clock": ["gaps", "time"],
    "hidden": [32, 64],
    "dropout": [0.1, 0.3],
}
"""The first of each is what an architecture has that names none."""

INITIAL = ["00|1|g,g||03", "00|1|c,c||02", "00|1|a4,a4||04", "00|1|gc,gc||02", "00|1|agc4,agc4||04"]
"""What people use already: two layers of GRU, of convolution, of a transformer; and mixtures of these."""


def recommended() -> dict[str, Any]:
    """Arguments of :class:`~nni_nasplus.spaces.events.space.EventSequenceSpace` beside the sizes of the data."""
    return {"poolings": ALL_POOLINGS, "hyperparameters": HYPERPARAMETERS, "initial": INITIAL}
