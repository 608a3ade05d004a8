"""Classes that files name."""

from __future__ import annotations

import importlib
from typing import TypeVar

from nni_nasplus.errors import UserError

__all__ = ["installed"]

T = TypeVar("T")


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
