"""Archives and folders of random images, and their caches."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from nni_nasplus.data.images import prepare_images


def images(count=60, size=8, channels=1, seed=0):
    shape = (count, size, size) if channels == 1 else (count, size, size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def archive(folder, name="images.npz", **arrays):
    """Sixty images of three classes, or those given."""
    content = {"x_train": images(), "y_train": np.arange(60) % 3, **arrays}
    np.savez(folder / name, **{key: value for key, value in content.items() if value is not None})
    return folder / name


def cached(folder, out="cache", *, size=None, seed=0, **arrays):
    return prepare_images(archive(folder, **arrays), out=folder / out, size=size, seed=seed, progress=False)


def pictures(folder, kind, values):
    folder.mkdir(parents=True, exist_ok=True)
    for number, value in enumerate(values):
        Image.fromarray(value).save(folder / f"{number:03d}.{kind}")


def whole(loader):
    """All images and labels of a pass."""
    batches = list(loader)
    return torch.cat([batch.images for batch in batches]), torch.cat([batch.label for batch in batches])
