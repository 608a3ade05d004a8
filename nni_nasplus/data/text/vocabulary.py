"""The tokens of a text: words or characters, and their numbers."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from nni_nasplus._files import damage_named, typed, write_json
from nni_nasplus.data.preprocessing import Preprocessing, read_versioned
from nni_nasplus.data.text.source import TextSource
from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

__all__ = ["END", "LEVELS", "UNKNOWN", "Level", "Vocabulary", "split_line"]

Level = Literal["word", "character"]
LEVELS = ("word", "character")
"""What a token may be."""
UNKNOWN = "<unk>"
"""Stands for every token that is not known; its number is 0."""
END = "<eos>"
"""The word at the end of each line that has words."""
_FILE = "vocabulary.json"
_VERSION = 1
"""To be counted up when files of before can no longer be read."""


def split_line(line: str, level: Level) -> list[str]:
    """The tokens of a line or a part of one: its words and, where it ends, ``<eos>``; or its characters."""
    if level == "character":
        return list(line)
    words = line.split()
    return [*words, END] if words and line.endswith("\n") else words


@dataclass(frozen=True)
class Vocabulary(Preprocessing):
    """The V known tokens; a token's number is its place.

    Parameters
    ----------
    tokens
        ``<unk>``, then the known ones.
    level
        ``word`` or ``character``.
    """

    source: ClassVar[str] = "text"

    tokens: tuple[str, ...]
    level: Level = "word"

    @classmethod
    def of(cls, counts: Counter[str], level: Level, most: int | None = None, min_count: int = 1) -> Vocabulary:
        """The ``most`` frequent tokens, ``<unk>`` included, that occur ``min_count`` times; ties in order of text."""
        kept = [token for token, count in counts.items() if count >= min_count and token != UNKNOWN]
        kept.sort(key=lambda token: (-counts[token], token))
        return cls((UNKNOWN, *kept)[:most], level)

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each token."""
        return {token: number for number, token in enumerate(self.tokens)}

    def encode(self, text: str) -> NDArray[np.int64]:
        """[N] the numbers of a text's tokens, 0 for those unknown.

        A line of words that is not ended by a newline has no ``<eos>``, so that it can be continued.
        """
        lines = io.StringIO(text, newline="\n")
        return np.fromiter((number for line in lines for number in self.encode_line(line)), dtype=np.int64)

    def encode_line(self, line: str) -> Iterator[int]:
        """The numbers of a line, or of a part of one."""
        return (self.numbers.get(token, 0) for token in split_line(line, self.level))

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of numbers, words separated by a space; IndexError for a number that is no token's."""
        tokens = [self.tokens[number] for number in numbers]
        if self.level == "character":
            return "".join(tokens)
        lines: list[list[str]] = [[]]
        for token in tokens:
            if token == END:
                lines.append([])
            else:
                lines[-1].append(token)
        return "\n".join(map(" ".join, lines))

    def require_known_by(self, network: int) -> None:
        """Raise :class:`UserError` if a network that knows so many tokens is too small for this text."""
        if len(self) > network:
            raise UserError(
                f"the text has {len(self):,} tokens, the network {network:,}; build the network with vocabulary "
                f"{len(self)}, or prepare the text with vocabulary {network}"
            )

    def require_fit(self, network: nn.Module, arguments: Mapping[str, Any]) -> None:
        """Give a network the last token; it may know more of them."""
        import torch

        with torch.inference_mode():
            logits, _ = network(torch.tensor([[len(self) - 1]]))
        if logits.shape[-1] < len(self):
            raise ValueError(f"there are {len(self)} tokens, and {logits.shape[-1]} of the network")

    def predict(self, network: nn.Module, data: str | Path) -> pd.DataFrame:
        """A row for each line of two tokens or more: its number, its tokens but the first, and their perplexity.

        Raises
        ------
        UserError
            If the file is absent, empty, not UTF-8, or has no such line.
        """
        import pandas as pd

        rows = []
        for number, line in enumerate(TextSource(Path(data)).read("reading", progress=False), 1):
            tokens = self.encode(line)
            if len(tokens) > 1:
                rows.append((number, len(tokens) - 1, float(np.exp(_loss(network, tokens)))))
        if not rows:
            raise UserError(f"{data} has no line of two tokens or more: give a text")
        return pd.DataFrame(rows, columns=["line", "tokens", "perplexity"])

    def save(self, folder: str | Path) -> None:
        """Write ``vocabulary.json``, all that a new text needs."""
        content = {"version": _VERSION, "level": self.level, "tokens": list(self.tokens)}
        write_json(Path(folder) / _FILE, content)

    @classmethod
    def load(cls, folder: str | Path) -> Vocabulary:
        """Read ``vocabulary.json``; UserError where it is absent or of another version."""
        path = Path(folder) / _FILE
        content = read_versioned(path, "version", _VERSION, f"no {path}: prepare a text first", "text")
        with damage_named(path):
            return typed(cls(tuple(content["tokens"]), content["level"]))


def _loss(network: nn.Module, tokens: NDArray[np.int64]) -> float:
    """The mean cross-entropy, in nats, of the tokens [N] but the first."""
    import torch

    with torch.inference_mode():
        logits, _ = network(torch.from_numpy(tokens[:-1, None]))
        return float(torch.nn.functional.cross_entropy(logits[:, 0].float(), torch.from_numpy(tokens[1:])))
