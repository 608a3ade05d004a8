"""What the files of data were like when they were prepared, and which of them are others by now."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nni_nasplus.errors import some

__all__ = ["changes", "files_below", "stamp", "stamp_of_folder", "stamped", "visible"]

_ZIPPED = "__MACOSX"
"""What macOS puts into an archive beside its content."""


def stamp(path: Path) -> dict[str, Any]:
    """A file's place, size in bytes and time of change, as JSON values."""
    stat = path.stat()
    return {"path": str(path.resolve()), "bytes": stat.st_size, "changed_ns": stat.st_mtime_ns}


def stamp_of_folder(folder: Path, files: Iterable[Path]) -> dict[str, Any]:
    """The same of files below a folder: a line of text for each, for they may be tens of thousands."""
    return {"folder": str(folder.resolve()), "files": {str(path.relative_to(folder)): _line(path) for path in files}}


def changes(stamps: Any) -> list[str]:
    """What has become of files, in a line for each kind of change: "a.csv, b.csv and 4 more were edited".

    Of a file or a folder that is gone whole there is none: a run may have been brought to another machine.

    Parameters
    ----------
    stamps
        JSON values with stamps anywhere in them.
    """
    found: dict[str, list[Path]] = {"edited": [], "added": [], "removed": []}
    for one in _stamps(stamps):
        if "folder" in one:
            _compare(Path(one["folder"]), one["files"], found)
        elif (path := Path(one["path"])).is_file() and _line(path) != f"{one['bytes']} {one['changed_ns']}":
            found["edited"].append(path)
    return [f"{some(paths)} {'was' if len(paths) == 1 else 'were'} {how}" for how, paths in found.items() if paths]


def stamped(stamps: Any) -> list[Path]:
    """The files and folders that JSON values have stamps of, in order."""
    return [Path(one["folder"] if "folder" in one else one["path"]) for one in _stamps(stamps)]


def files_below(folder: Path, above: frozenset[str] = frozenset()) -> Iterator[Path]:
    """All files that are not hidden, through links to folders too, unless they lead back to a folder above."""
    real = os.path.realpath(folder)
    if real in above:
        return
    for path in visible(folder):
        if path.is_dir():
            yield from files_below(path, above | {real})
        else:
            yield path


def visible(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden, sorted."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.name != _ZIPPED)


def _line(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:  # a link to nothing: who reads it names it
        return "unreadable"
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _stamps(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict) and ("changed_ns" in value or "folder" in value):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _stamps(inner)


def _compare(folder: Path, before: Mapping[str, str], found: Mapping[str, list[Path]]) -> None:
    """Sort what differs below a folder into its kinds; of new files those count whose suffix one had before."""
    if not folder.is_dir():
        return
    suffixes = {Path(name).suffix.lower() for name in before}
    now = {str(path.relative_to(folder)): path for path in files_below(folder) if path.suffix.lower() in suffixes}
    found["edited"] += [path for name, path in now.items() if name in before and _line(path) != before[name]]
    found["added"] += [path for name, path in now.items() if name not in before]
    found["removed"] += [folder / name for name in before if name not in now]
