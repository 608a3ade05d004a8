"""The pictures of which a classifier is surest, and wrong: among them are its blind spots, and wrong labels."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nni_nasplus.data.images import ImageDataModule
from nni_nasplus.data.link import means_of
from nni_nasplus.training.predictions import Predictions

__all__ = ["mistakes"]

_SHOWN = 12
"""Two rows; each picture takes some kB of the page."""
_SIDE = 96
"""Pixels to which larger pictures are brought."""


def mistakes(module: Any, predictions: Predictions, split: str) -> list[dict[str, str]]:
    """What each picture is, what it was taken for, and how surely; the surest first.

    Parameters
    ----------
    module
        Of the data; of others than images there are no pictures.
    predictions
        Of N images of the split, in row order.
    split
        ``val`` or ``test``.
    """
    if not isinstance(module, ImageDataModule):
        return []
    rows, shares = module.arrays.rows(split), means_of(predictions.outputs, "softmax")
    if not np.array_equal(module.arrays.label[rows], predictions.labels):
        return []  # of other images than those that lie here now
    named, names = shares.argmax(1), module.encoder.classes
    wrong = np.flatnonzero(named != predictions.labels)
    surest = wrong[np.argsort(-shares[wrong].max(1), kind="stable")][:_SHOWN]
    return [
        {
            "picture": _address(module.arrays.images[rows[i]]),
            "true": str(names[predictions.labels[i]]),
            "named": str(names[named[i]]),
            "share": f"{shares[i].max():.0%}",
        }
        for i in surest
    ]


def _address(image: NDArray[Any]) -> str:
    """An image [S, S, C] as the address of a PNG; one of other numbers than bytes from its least to its most."""
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        image = np.round(255 * (image - low) / ((high - low) or 1.0)).astype(np.uint8)
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    picture.thumbnail((_SIDE, _SIDE))
    file = BytesIO()
    picture.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
