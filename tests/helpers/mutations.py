"""Inputs that nobody would write: whole ones, changed as text, as bytes or as JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

__all__ = ["BYTES", "Choices", "mutated", "mutated_json", "written_json"]

S = TypeVar("S", str, bytes)
T = TypeVar("T")
BYTES = (b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b'"', b",", b"{}", b"NaN", b"[" * 10_000, b"9" * 5000)
"""What damages a file of text."""
_REPEATS = (1, 2, 3, 20, 1000)
_DEEP = "a value nested ten thousand times"
_NESTED = "[" * 10_000 + "]" * 10_000
_ODD = (None, True, False, 0, -1, 1, 3, 10**9, 10**12, 2**63, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"))
_ODDER = ("", "a", "0", "é\n", "\ud800", "\0", "../../away", "x" * 5000, _DEEP, [], {}, [[]], [0, 0], {"": None})


class Choices:
    """What to do, read off bytes: whatever finds a failure then has a few bytes to make smaller."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def left(self) -> bool:
        """Whether there are bytes that nothing was read off."""
        return self._place < len(self._data)

    def below(self, limit: int) -> int:
        """A number in [0, ``limit``); 0 once the bytes are used up."""
        count = 1 if limit <= 256 else 3
        part = self._data[self._place : self._place + count]
        self._place += count
        return int.from_bytes(part, "little") % limit

    def one_of(self, values: Sequence[T]) -> T:
        """One of some values."""
        return values[self.below(len(values))]


def mutated(whole: S, choices: Choices, words: Sequence[S] = ()) -> S:
    """A text or bytes of which some parts were left out, repeated, or replaced by others or by words."""
    for _ in range(choices.below(6)):
        start = choices.below(len(whole) + 1)
        stop = start + choices.below(choices.one_of((2, 4, 16, 256)))
        other = choices.below(len(whole) + 1)
        new = choices.one_of([whole[:0], whole[start:stop], whole[other : other + stop - start], *words])
        whole = whole[:start] + new * choices.one_of(_REPEATS) + whole[stop:]
    return whole


def mutated_json(content: Any, choices: Choices, words: Sequence[Any] = ()) -> Any:
    """A copy of JSON values of which some are replaced, left out, swapped or renamed."""
    root = [copy.deepcopy(content)]
    for _ in range(1 + choices.below(3)):
        holder, key = choices.one_of(list(_places(root)) or [(root, 0)])
        other, place = choices.one_of(list(_places(root)) or [(root, 0)])
        match choices.below(8):
            case 0 if len(root) > 1 or holder is not root:
                del holder[key]
            case 1:
                holder[key] = copy.deepcopy(other[place])
            case 2 if isinstance(holder, dict):
                holder[choices.one_of(["", "é", *map(str, words)])] = holder.pop(key)
            case 3 if isinstance(holder[key], str):
                holder[key] = mutated(holder[key], choices)
            case 4 if isinstance(holder[key], list):
                holder[key] = holder[key] * choices.one_of(_REPEATS[:-1])  # what it holds may be repeated, too
            case _:
                holder[key] = copy.deepcopy(choices.one_of([*words, *_ODD, *_ODDER]))
    return root[0]


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key below some JSON values."""
    keys = list(content) if isinstance(content, dict) else range(len(content))
    for key in keys:
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])


def written_json(content: Any) -> str:
    """JSON values as text, NaN and what is nested too deeply among them."""
    return json.dumps(content).replace(json.dumps(_DEEP), _NESTED)
