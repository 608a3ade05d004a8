"""The sizes of networks of images, and how they are trained, at a scale."""

from __future__ import annotations

from typing import Any

__all__ = ["NETWORK", "SCALES", "TRAINING"]

TRAINING = ("epochs", "batch_size", "learning_rate", "crop", "flip", "cutout")
"""Names that the evaluator has."""
NETWORK = ("channels", "layers", "cells", "depth", "width", "squeeze", "stem", "auxiliary", "drop_path")
"""Names that spaces may have."""
SCALES: dict[str, dict[str, Any]] = {
    "published": {
        "epochs": 600,
        "batch_size": 96,
        "learning_rate": 0.025,
        "crop": 4,
        "cutout": 16,
        "auxiliary": True,
        "drop_path": 0.2,
    },
    "small": {
        "size": 16,
        "epochs": 3,
        "batch_size": 64,
        "learning_rate": 0.05,
        "crop": 1,
        "cutout": 0,
        "channels": 8,
        "layers": 4,
        "cells": 1,
        "depth": 2,
        "auxiliary": False,
        "drop_path": 0.0,
        "tune": True,
    },
}
"""As published for the space, which takes a GPU; or trained on 10,000 images in well under a minute on a core."""
