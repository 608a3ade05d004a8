"""Paths in settings: absolute in use; in ``run.json`` those inside the run's directory are relative to it.

So a directory that was moved, renamed or copied, to another machine too, finds its own files and nobody else's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nni_nasplus._files import require_writable
from nni_nasplus.errors import UserError

__all__ = ["absolute", "kept", "missing", "not_writable", "require_room", "used"]

_HERE = "{run}"
"""Stands for the run's directory at the beginning of a path."""
_STORAGE = re.compile(r"(?:sqlite(?:\+\w+)?:///|journal:)(?!:memory:|file:)(?=.)")
"""How a storage begins that is a file of this machine; what follows is its path."""

_LONGEST = 470
"""Bytes; SQLite opens no database whose path has more than 504, and those of the hosts lie up to 27 deeper."""


def require_room(directory: Path) -> None:
    """Raise :class:`UserError` if a directory cannot be made or written into; nothing is left of the attempt."""
    if (size := len(os.fsencode(directory))) > _LONGEST:
        raise UserError(f"the path of --out has {size} bytes, more than databases take; name one of at most {_LONGEST}")
    nearest = next(folder for folder in [directory, *directory.parents] if os.path.lexists(folder))
    if not nearest.is_dir():
        raise UserError(f"{nearest} is no directory; name a new directory with --out")
    try:
        require_writable(directory)
    except UserError as error:
        raise UserError(f"{error} with --out") from error


def not_writable(directory: Path, reason: str | None) -> UserError:
    """The error of a run directory into which nothing can be written."""
    what = f"{directory} cannot be written ({reason})"
    return UserError(f"{what}; copy it to where you may write, and name the copy")


def kept(settings: Any, directory: Path) -> Any:
    """JSON values for ``run.json``: where a path leads into the directory, a mark stands for that."""
    return _each_path(settings, lambda path: _begun(path, str(directory), _HERE))


def used(settings: Any, directory: Path) -> Any:
    """The values of :func:`kept`, for the directory that they are found in."""
    return _each_path(settings, lambda path: _begun(path, _HERE, str(directory)))


def missing(settings: Any, directory: Path) -> list[Path]:
    """The paths in settings that lead into the directory, and to nothing."""
    inside = []

    def look(path: str) -> str:
        if _begun(path, str(directory), _HERE) != path:
            inside.append(Path(path))
        return path

    _each_path(settings, look)
    return [path for path in inside if not path.exists()]


def absolute(storage: str) -> str:
    """A storage that every working directory finds: a file's path is made absolute; other URLs are as they were."""
    is_file = _STORAGE.match(storage) is not None
    return _with_path(storage, lambda path: str(Path(path).resolve())) if is_file else storage


def _each_path(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _each_path(content, change) for name, content in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each_path(content, change) for content in value]
    return _with_path(value, change) if isinstance(value, str) else value


def _with_path(text: str, change: Callable[[str], str]) -> str:
    """A text whose path, which is all of it or what comes after the beginning of a storage, is another."""
    begin = match.end() if (match := _STORAGE.match(text)) else 0
    return text[:begin] + change(text[begin:])


def _begun(path: str, old: str, new: str) -> str:
    """A path that began with a folder, or was that, with another in its place."""
    rest = path.removeprefix(old)
    return new + rest if path.startswith(old) and rest[:1] in ("", "/", os.sep) else path
