"""Where strategies, predictors and spaces plug in: the entry-point groups ``nni_nasplus.…``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Literal

from nni_nasplus.errors import UserError
from nni_nasplus.space import SearchSpace
from nni_nasplus.strategy import Direction, Strategy

__all__ = ["available", "load", "make_strategy"]

Kind = Literal["predictors", "spaces", "strategies"]
_NOUN = {"predictors": "predictor", "spaces": "space", "strategies": "strategy"}
_NO_OPTION = ("space", "seed", "direction", "feasible", "prior")


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
    raise UserError(f"unknown {_NOUN[kind]} '{name}'; available: {', '.join(available(kind))}")


def make_strategy(
    name: str, space: SearchSpace, *, seed: int, direction: Direction, options: Mapping[str, Any]
) -> Strategy:
    """A strategy by name, with its own options: numbers, texts and switches, as they come from a command line.

    Raises
    ------
    UserError
        If there is no such strategy, or it has no such option or refuses its value.
    """
    kind = load("strategies", name)
    known = [p for p in inspect.signature(kind).parameters if p not in _NO_OPTION]
    if unknown := [option for option in options if option not in known]:
        raise UserError(f"strategy '{name}' has no option '{unknown[0]}'; its options: {', '.join(known) or 'none'}")
    try:
        return kind(space, seed=seed, direction=direction, **options)
    except TypeError as error:
        raise UserError(f"strategy '{name}' cannot use its options {dict(options)}: {error}") from None
