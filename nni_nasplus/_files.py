"""Files that a reader sees whole or not at all, and what is said where they cannot be written or are damaged."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

from nni_nasplus.errors import UserError

__all__ = [
    "damage_named",
    "is_linked",
    "new_file",
    "new_folder",
    "read_json",
    "require_writable",
    "typed",
    "unlink_file",
    "unlink_files",
    "write_json",
    "write_text",
]

_DAMAGES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What comes of content that is of another kind, or claims sizes beyond reason."""
_DIGITS = 20
"""Of whole numbers, the sign included: those of 64 bits have no more, and larger ones are no floats of arrays."""
T = TypeVar("T")


@contextlib.contextmanager
def new_file(path: str | Path) -> Iterator[Path]:
    """A file to write beside ``path``, with the same suffix, which takes its place at the end of the block.

    If the block raises, nothing is left of it, and nothing of folders that were made for it.

    Raises
    ------
    UserError
        On entry, if no file can be written there; later, if the disk is full.
    """
    path = Path(os.path.realpath(path))
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    with _unwritable_named(path, partial), _folder_made(path.parent):
        _require_replaceable(path)
        try:
            partial.touch()
            mode = partial.stat().st_mode
            yield partial
            partial.chmod(mode)  # safetensors puts a file in its place that nobody else may read
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """A folder to fill, whose files are in ``path``, which is absent or empty, at the end of the block.

    If the block raises, nothing is left of it, and nothing of folders that were made for it.

    Raises
    ------
    UserError
        On entry, if no folder can be written there; later, if the disk is full.
    """
    path = Path(os.path.realpath(path))
    place = path if os.path.isdir(path) else path.parent  # noqa: PTH112 - no error where the name is too long
    partial = place / f".{path.name}.{os.getpid()}.partial"
    with _unwritable_named(path, partial), _folder_made(place):
        try:
            partial.mkdir()
            yield partial
            if place == path:  # it may be a mounted disk, or where a shell is
                for entry in partial.iterdir():
                    entry.replace(path / entry.name)
            else:
                partial.replace(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def is_disk_full(error: BaseException) -> bool:
    """Whether an exception comes of a disk, or a quota, without room; those of safetensors have no number."""
    return any(os.strerror(code) in str(error) for code in (errno.ENOSPC, errno.EDQUOT))


def require_writable(folder: Path) -> None:
    """Raise :class:`UserError` if a folder, there or not, cannot hold files; nothing is left of the attempt."""
    folder = Path(os.path.realpath(folder))
    probe = folder / f".{os.getpid()}.partial"
    with contextlib.suppress(_Enough), _unwritable_named(folder, probe), _folder_made(folder):
        probe.touch()
        probe.unlink()
        raise _Enough


class _Enough(Exception):
    pass


def write_text(path: Path, text: str) -> None:
    """Replace a file's content in one step; its folder is made if need be.

    Raises
    ------
    UserError
        If it cannot be written; its content is what it was then.
    """
    with new_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Replace a file by indented JSON, as :func:`write_text` does; NaN and infinity are errors."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: Path, remedy: str = "restore it from a copy") -> dict[str, Any]:
    """The object that a file of JSON holds.

    Raises
    ------
    UserError
        If it cannot be read, or holds anything else; it ends with ``remedy``.
    """
    with damage_named(path, remedy):
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refused, parse_int=_whole)
        if not isinstance(content, dict):
            raise TypeError("no JSON object")
    return content


def typed(made: T) -> T:
    """A dataclass that was made of what a file holds, as it is.

    Raises
    ------
    TypeError
        If a field holds something else than its type says.
    """
    kind: Any = type(made)
    for name, hint in _hints(kind).items():
        value = getattr(made, name)
        try:
            check_type(value, hint, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
        except TypeCheckError:
            raise TypeError(f"{name} is {value!r}") from None
    return made


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"{text[:_DIGITS]}… is too large")
    return int(text)


@contextlib.contextmanager
def damage_named(path: Path, remedy: str = "restore it from a copy") -> Iterator[None]:
    """Say of whatever is wrong in the block with a file's content that it is damaged.

    Raises
    ------
    UserError
        If the file cannot be read, or something that its content should hold is missing or of another kind; it ends
        with ``remedy``.
    """
    try:
        yield
    except UserError as error:
        if str(path) in str(error):
            raise
        raise UserError(f"{path}: {error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); {remedy}") from error
    except _DAMAGES as error:
        line = (str(error).strip() or "no message").splitlines()[0]
        raise UserError(f"{path} is damaged ({type(error).__name__}: {line}); {remedy}") from error


def is_linked(path: Path) -> bool:
    """Whether a file has another name too, or is one: what is written into it shows elsewhere."""
    return path.is_file() and (path.is_symlink() or path.stat().st_nlink > 1)


def unlink_files(folder: Path) -> None:
    """Give a folder that was copied by links, as ``cp -al`` and backups do, files of its own."""
    for path in list(folder.rglob("*")):
        unlink_file(path)


def unlink_file(path: Path) -> None:
    """Give a name that is one of several of a file a file of its own; ``UserError`` where it cannot be written."""
    if is_linked(path):
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        with _unwritable_named(path, partial):
            shutil.copy2(path, partial)
            partial.replace(path)


@contextlib.contextmanager
def _unwritable_named(path: Path, partial: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        at = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
        if at is not None and partial not in (at, *at.parents) and at not in (path, *path.parents):
            raise
        raise UserError(f"{path} cannot be written ({error.strerror or error}); name another place") from error


@contextlib.contextmanager
def _folder_made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; those that were not there are removed again if the block raises."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for place in made:
                place.rmdir()
        raise


def _require_replaceable(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
