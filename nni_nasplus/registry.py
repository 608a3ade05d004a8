"""Where others plug in, by the entry-point groups ``nni_nasplus.…``; and classes that files name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Literal, TypeVar

from nni_nasplus.errors import UserError

__all__ = ["available", "described", "installed", "instantiate", "load", "require"]

Kind = Literal["budgets", "hosts", "one_shot", "predictors", "proxies", "spaces", "strategies", "tasks"]
_NOUN: dict[Kind, str] = {
    "budgets": "budget",
    "hosts": "host",
    "one_shot": "one-shot method",
    "predictors": "predictor",
    "proxies": "proxy",
    "spaces": "space",
    "strategies": "strategy",
    "tasks": "task",
}
T = TypeVar("T")


def available(kind: Kind) -> list[str]:
    """The names that are installed, sorted."""
    return sorted({entry.name for entry in entry_points(group=f"nni_nasplus.{kind}")})


def load(kind: Kind, name: str) -> Any:
    """The class or function behind a name.

    Raises
    ------
    UserError
        If no installed package provides it.
    """
    for entry in entry_points(group=f"nni_nasplus.{kind}"):
        if entry.name == name:
            return entry.load()
    raise _unknown(kind, name)


def require(kind: Kind, name: str) -> None:
    """Raise :class:`UserError` if no installed package provides a name; nothing is imported."""
    if name not in available(kind):
        raise _unknown(kind, name)


def _unknown(kind: Kind, name: str) -> UserError:
    more = f", or a one-shot method: {', '.join(available('one_shot'))}" if kind == "strategies" else ""
    return UserError(f"unknown {_NOUN[kind]} '{name}'; available: {', '.join(available(kind))}{more}")


def installed(path: str, kind: type[T]) -> type[T]:
    """The class of a path such as ``package.module.Class``.

    Raises
    ------
    UserError
        If there is no such subclass of ``kind``: nothing else is called, whatever a file says.
    """
    module, _, name = str(path).rpartition(".")
    try:
        found = None if module.endswith("__main__") else getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, RecursionError, TypeError, ValueError):
        found = None
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise UserError(f"'{path}' is no installed {kind.__name__}; install the package that the file was made with")
    return found


def described(kind: type, init_args: Mapping[str, Any]) -> dict[str, Any]:
    """A class and its arguments as JSON values."""
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": dict(init_args)}


def instantiate(description: Mapping[str, Any], kind: type[T]) -> T:
    """The object of :func:`described`.

    Raises
    ------
    UserError
        If the description names no installed subclass of ``kind``: nothing else is called, whatever a file says.
    """
    return installed(description["class_path"], kind)(**description["init_args"])
