"""Caches that several kinds of training share."""

from __future__ import annotations

import numpy as np
import pytest

from nni_nasplus.data.images import prepare_images
from nni_nasplus.data.text import prepare_text


@pytest.fixture(scope="session")
def stripes(tmp_path_factory):
    """A cache of noisy images with a bright row, column or neither, in colour."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("stripes")
    labels = np.arange(240) % 3
    images = rng.normal(100, 30, (240, 8, 8, 3))
    for image, label, place in zip(images, labels, rng.integers(8, size=240), strict=True):
        if label < 2:
            image[(place, slice(None)) if label else (slice(None), place)] += 120
    np.savez(folder / "stripes.npz", x_train=images.clip(0, 255).astype(np.uint8), y_train=labels)
    return prepare_images(folder / "stripes.npz", out=folder / "cache", progress=False)


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    """Words that mostly follow in a circle of twelve, in a cache."""
    rng = np.random.default_rng(0)
    steps = rng.choice([1, 2], 3000, p=[0.9, 0.1]).cumsum() % 12
    words = [f"w{step}" for step in steps]
    folder = tmp_path_factory.mktemp("text")
    (folder / "text.txt").write_text("\n".join(" ".join(words[i : i + 25]) for i in range(0, 3000, 25)) + "\n")
    return prepare_text(folder / "text.txt", out=folder / "cache", progress=False)
