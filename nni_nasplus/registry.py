"""Where strategies and spaces plug in: the entry-point groups ``nni_nasplus.strategies`` and ``nni_nasplus.spaces``."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, Literal

from nni_nasplus.errors import UserError

__all__ = ["available", "load"]

Kind = Literal["strategies", "spaces"]


def available(kind: Kind) -> list[str]:
    """The names that are installed, sorted."""
    return sorted({entry.name for entry in entry_points(group=f"nni_nasplus.{kind}")})


def load(kind: Kind, name: str) -> Any:
    """The class behind a name.

    Raises
    ------
    UserError
        If no installed package provides it.
    """
    for entry in entry_points(group=f"nni_nasplus.{kind}"):
        if entry.name == name:
            return entry.load()
    noun = {"strategies": "strategy", "spaces": "space"}[kind]
    raise UserError(f"unknown {noun} '{name}'; available: {', '.join(available(kind))}")
