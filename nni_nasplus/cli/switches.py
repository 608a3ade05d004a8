"""Options as people write them: with either dash, and switches without a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_type_hints

__all__ = ["switched", "underscored"]


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
