"""Where others plug in, by the entry-point groups ``nni_nasplus.…``; and classes that files name."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any, Literal, TypeVar

from nni_nasplus.errors import UserError

__all__ = ["available", "installed", "load"]

Kind = Literal["predictors", "spaces", "strategies"]
_NOUN = {"predictors": "predictor", "spaces": "space", "strategies": "strategy"}
T = TypeVar("T")


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


def installed(path: str, kind: type[T]) -> type[T]:
    """The class of a path such as ``package.module.Class``.

    Raises
    ------
    UserError
        If there is no such subclass of ``kind``: nothing else is called, whatever a file says.
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        found = None
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise UserError(f"'{path}' is no installed {kind.__name__}; install the package that the file was made with")
    return found
