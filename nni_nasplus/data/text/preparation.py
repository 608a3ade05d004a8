"""Prepare a text once, for all trials: split it, count its tokens, and store their numbers as mapped arrays."""

from __future__ import annotations

import logging
from array import array
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nni_nasplus.data.cache import SPLITS, Cache
from nni_nasplus.data.stamps import stamp
from nni_nasplus.data.text.source import TextSource
from nni_nasplus.data.text.vocabulary import LEVELS, Level, Vocabulary, split_line
from nni_nasplus.errors import UserError

__all__ = ["prepare_text"]

logger = logging.getLogger(__name__)
_HEADER = {"kind": "text", "version": 1}
"""To be counted up when caches of before can no longer be read."""
_FEWEST = 2
"""Tokens of a split at the least: the first is read, the second predicted."""


def prepare_text(
    train: str | Path,
    valid: str | Path | None = None,
    test: str | Path | None = None,
    *,
    out: str | Path,
    level: Level = "word",
    vocabulary: int | None = None,
    min_count: int = 1,
    progress: bool = True,
) -> Path:
    """Write the cache ``out`` that ``TextDataModule`` reads, and return it; at once where it is ready.

    Words are what white space separates, with ``<eos>`` at the end of each line that has any; characters include
    newlines. Without ``valid`` and ``test`` the lines of ``train`` are split 80/10/10 in order, or its words where it
    has no lines for that; one that is missing by itself is the last 10 %.

    Parameters
    ----------
    train, valid, test
        UTF-8 text files.
    out
        The folder to write.
    level
        What a token is: ``word`` or ``character``.
    vocabulary
        The most tokens to know, ``<unk>`` included; None for all of the training text.
    min_count
        How often the training text has a token that is known.
    progress
        Show a progress bar.

    Raises
    ------
    UserError
        If a file is missing, empty, not UTF-8 or too short, the level is unknown, ``vocabulary`` is below 2 or
        ``min_count`` below 1, or ``out`` holds something else.
    """
    _check(level, vocabulary, min_count)
    files = {"train": train, "val": valid, "test": test}
    sources = {split: TextSource(Path(file)) for split, file in files.items() if file is not None}
    made_from = {split: stamp(source.path) for split, source in sources.items()}
    options = {"level": level, "vocabulary": vocabulary, "min_count": min_count}
    origin = "files or settings"
    cache = Cache(Path(out), _HEADER, {**made_from, **options}, refusal="is no prepared text", origin=origin)
    return cache.prepare(lambda folder: {"sizes": _build(_split(sources, level), options, folder, progress)})


def _check(level: str, vocabulary: int | None, min_count: int) -> None:
    if level not in LEVELS:
        raise UserError(f"level '{level}' is unknown; choose {' or '.join(LEVELS)}")
    if vocabulary is not None and vocabulary < 2:
        raise UserError(f"a vocabulary of {vocabulary} leaves nothing to predict; use 2 or more")
    if min_count < 1:
        raise UserError(f"min_count is {min_count}; use 1 or more")


def _split(sources: Mapping[str, TextSource], level: Level) -> dict[str, TextSource]:
    """A part of the training text for each split that has no file."""
    missing = [split for split in SPLITS if split not in sources]
    parts = sources["train"].cut(1 - 0.1 * len(missing), *[0.1] * len(missing), words=level == "word")
    return {**sources, **dict(zip(["train", *missing], parts, strict=True))}


def _build(
    parts: Mapping[str, TextSource], options: Mapping[str, Any], folder: Path, progress: bool
) -> dict[str, dict[str, int]]:
    """Write the vocabulary and the numbers of each split; return how many they are."""
    counts = _counts(parts["train"], options["level"], progress)
    vocabulary = Vocabulary.of(counts, options["level"], options["vocabulary"], options["min_count"])
    vocabulary.save(folder)
    sizes = {split: _encode(part, split, vocabulary, folder, progress) for split, part in parts.items()}
    _warn_of_unknown(sizes)
    return sizes


def _counts(part: TextSource, level: Level, progress: bool) -> Counter[str]:
    counts: Counter[str] = Counter()
    for line in part.read("counting tokens", progress):
        counts.update(split_line(line, level))
    return counts


def _encode(part: TextSource, split: str, vocabulary: Vocabulary, folder: Path, progress: bool) -> dict[str, int]:
    """Write the numbers of a split's tokens; return how many there are, and how many of them are unknown."""
    dtype = np.min_scalar_type(len(vocabulary) - 1)
    numbers = array(dtype.char)
    for line in part.read(f"encoding {split}", progress):
        numbers.extend(vocabulary.encode_line(line))
    if len(numbers) < _FEWEST:
        raise UserError(
            f"{part.path} leaves {len(numbers)} tokens for {split}, of {_FEWEST} at the least: give a longer text, "
            "one of more lines, or a file for each split"
        )
    np.save(folder / f"{split}.npy", np.frombuffer(numbers, dtype), allow_pickle=False)
    return {"tokens": len(numbers), "unknown": numbers.count(0)}


def _warn_of_unknown(sizes: Mapping[str, Mapping[str, int]]) -> None:
    """A network cannot expect what it never sees in training, and loses much for each."""
    unknown = [split for split, size in sizes.items() if size["unknown"]]
    if unknown and "train" not in unknown:
        size = sizes[unknown[0]]
        logger.warning(
            "%d of %d tokens for %s are unknown, and the training text has none to learn from; prepare it with "
            "min_count=2, or with a vocabulary that leaves some out",
            size["unknown"],
            size["tokens"],
            unknown[0],
        )
