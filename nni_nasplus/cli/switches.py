"""Options as people write them: with either dash, and switches without a value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_type_hints

__all__ = ["gathered", "switched", "underscored"]


def underscored(argument: str) -> str:
    """``--max-length=9`` as ``--max_length=9``: both spellings name an option."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument[2:].partition("=")
    return f"--{name.replace('-', '_')}{equals}{value}"


def switched(arguments: Iterable[str], *takers: Callable[..., Any]) -> list[str]:
    """``--distill`` as ``--distill=true``, for what functions or dataclasses take as bool."""
    hints = {name: kind for taker in takers for name, kind in get_type_hints(taker).items()}
    flags = [f"--{name}" for name, kind in hints.items() if kind in (bool, bool | None)]
    return [f"{argument}=true" if argument in flags else argument for argument in arguments]


def gathered(arguments: Sequence[str], name: str) -> list[str]:
    """``--NAME a b`` as ``--NAME=["a", "b"]``: an option that takes all that comes before the next one."""
    kept: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        option, equals, first = word.partition("=")
        if option != f"--{name}":
            kept.append(word)
            continue
        values = [first] if equals else []
        while rest and not rest[0].startswith("--"):
            values.append(rest.pop(0))
        is_list = len(values) == 1 and values[0].startswith("[")
        kept.append(f"--{name}={values[0] if is_list else json.dumps(values)}")
    return kept
