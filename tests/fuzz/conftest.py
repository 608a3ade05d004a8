"""Where targets work: little memory, little time, and empty folders around."""

from __future__ import annotations

import resource
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fuzzing import Room

_MEMORY = 2 << 30
"""Bytes of address space, most of which threads and allocators of libraries reserve and never touch."""


class Hang(BaseException):
    """An input takes too long."""


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """Refuse memory to who asks for much more than is in use."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + _MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(autouse=True)
def little_time() -> Iterator[None]:
    """Let the clock of one input, which counts what this process computes, end it."""

    def end(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, end)
    yield
    signal.signal(signal.SIGPROF, before)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """The room of a target."""
    path, *elsewhere = (tmp_path / name for name in ("room", "current", "home", "temporary"))
    for folder in (path, *elsewhere):
        folder.mkdir()
    monkeypatch.chdir(elsewhere[0])
    monkeypatch.setenv("HOME", str(elsewhere[1]))
    monkeypatch.setenv("TMPDIR", str(elsewhere[2]))
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere[2]))
    return Room(path, tuple(elsewhere))
