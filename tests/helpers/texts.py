"""Plain texts of random words, and their caches."""

from __future__ import annotations

import numpy as np

from nni_nasplus.data.text import prepare_text

WORDS = [f"w{i}" for i in range(30)]


def lines(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return "".join(" ".join(rng.choice(WORDS, rng.integers(1, 9))) + "\n" for _ in range(n))


def written(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


def cached(folder, train, *rest, out="cache", **options):
    names = ("train.txt", "valid.txt", "test.txt")
    files = [
        None if text is None else written(folder / name, text)
        for name, text in zip(names, (train, *rest), strict=False)
    ]
    return prepare_text(*files, out=folder / out, progress=False, **options)


def ids(cache, split):
    return np.load(cache / f"{split}.npy", allow_pickle=False)
