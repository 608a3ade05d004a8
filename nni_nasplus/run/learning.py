"""What ``--learn-from`` names: runs, exported memories, and those that come with the package."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from nni_nasplus._files import damage_named, read_json
from nni_nasplus.errors import UserError
from nni_nasplus.registry import instantiate
from nni_nasplus.run import memories
from nni_nasplus.run.directory.repeats import repeats_in
from nni_nasplus.run.run import Run
from nni_nasplus.search.earlier import memory_of
from nni_nasplus.search.journal import JOURNAL, Journal
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.space import SearchSpace

__all__ = ["Earlier", "carried", "earlier_searches", "joined"]


@dataclass(frozen=True)
class Earlier:
    """Something that is learned from.

    Parameters
    ----------
    memory
        In its own space.
    note
        What there is, in words, for people to read.
    is_found
        Whether nobody named it: then another space is no error.
    """

    memory: Memory
    note: str
    is_found: bool = False


def earlier_searches(named: Sequence[str] | str | None, directory: Path) -> list[Earlier]:
    """What the option names, before the data of a new run are read.

    Parameters
    ----------
    named
        Directories, files, ``auto``, the names of packaged memories; ``none`` or None for nothing.
    directory
        Of the new run.

    Raises
    ------
    UserError
        If something is not there, cannot be read, has no result, or is the new run itself.
    """
    names = [named] if isinstance(named, str) else list(named or [])
    if "none" in names and len(names) > 1:
        raise UserError("--learn-from has none beside others; leave out one or the other")
    found: list[Earlier] = []
    for name in names:
        if name == "auto":
            found += _beside(directory)
        elif name != "none":
            found.append(_named(name, directory))
    return found


def carried(earlier: Sequence[Earlier], space: Mapping[str, Any]) -> list[Earlier]:
    """What is learned from, in the new run's space; what nobody named is left out where it is of another space.

    Parameters
    ----------
    space
        As :func:`~nni_nasplus.registry.described` gives it.

    Raises
    ------
    UserError
        If something that was named is of another space.
    """
    if not earlier:
        return []
    from nni_nasplus.networks.network_space import NetworkSpace

    decisions = instantiate(space, NetworkSpace).search_space
    return [one for each in earlier if (one := _carried(each, decisions)) is not None]


def joined(earlier: Sequence[Earlier]) -> Memory | None:
    """The memory of a new run of what is :func:`carried`; None where there is nothing."""
    return Memory.joined([one.memory for one in earlier]) if earlier else None


def _carried(earlier: Earlier, space: SearchSpace) -> Earlier | None:
    try:
        return replace(earlier, memory=earlier.memory.carried(space))
    except UserError as error:
        if earlier.is_found:
            return None
        raise UserError(f"--learn-from: {error}") from None


def _beside(directory: Path) -> Iterator[Earlier]:
    """The finished runs in the folder of the new one, by name; those that cannot be read are left out."""
    for journal in sorted(directory.parent.glob(f"*/{JOURNAL}")):
        if journal.parent == directory:
            continue
        try:
            run = Run.open(journal.parent)
            if run.is_over:
                yield _of_journal(journal, is_found=True)
        except UserError:
            continue


def _named(name: str, directory: Path) -> Earlier:
    packaged = resources.files(memories) / f"{name}.json.gz"
    if packaged.is_file():
        return _of_memory(name, json.loads(gzip.decompress(packaged.read_bytes())))
    path = Path(name).expanduser().resolve()
    if path == directory:
        raise UserError(f"--learn-from names the new run itself, {path}; name searches before it")
    if path.is_dir():
        return _of_journal(path / JOURNAL)
    if not path.is_file():
        raise UserError(
            f"--learn-from: {name} is not there; name the directory of a search, an exported memory, or auto"
        )
    return _of_journal(path) if path.name == JOURNAL else _of_file(path)


def _of_journal(path: Path, *, is_found: bool = False) -> Earlier:
    """A journal as far as it is whole."""
    journal, damage = Journal.salvaged(path)
    name, history = path.parent.name, journal.history
    history.repeats = repeats_in(path.parent)
    if not history.best:
        raise UserError(f"{path.parent} has no result to learn from; leave it out of --learn-from")
    note = f"{name}, {len(history.best)} results"
    if damage is not None:
        note += f" ({damage.partition(';')[0]}; what is before it is used)"
    elif history.pending:
        note += " (it has not ended)"
    return Earlier(memory_of({name: history}), note, is_found)


def _of_file(path: Path) -> Earlier:
    with damage_named(path, "export it again"):
        return _of_memory(path.stem, read_json(path, "export it again"))


def _of_memory(name: str, content: Mapping[str, Any]) -> Earlier:
    memory = Memory.from_json(content)
    note = ", ".join(f"{task} with {len(ranking)} results" for task, ranking in memory.tasks.items())
    return Earlier(memory, f"{name}: {note}")
