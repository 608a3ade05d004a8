"""The archive: an append-only journal on disk of every proposal and result of a search."""

from __future__ import annotations

import errno
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from filelock import FileLock, Timeout

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture

__all__ = ["JOURNAL", "Journal", "Trial"]

JOURNAL = "journal.jsonl"
"""The file in a run directory."""
VERSION = 1


@dataclass
class Trial:
    """One proposal and, once finished, its result.

    ``score`` is what the search optimises, ``metrics`` everything reported, ``cost`` seconds; ``reason`` says
    why a failed trial failed, ``teachers`` from which earlier trials it learned. A ``"rejected"`` proposal exceeds a
    limit, which is its reason, and was never trained.
    """

    number: int
    architecture: Architecture
    origin: str
    status: Literal["pending", "done", "failed", "rejected"] = "pending"
    score: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    cost: float | None = None
    reason: str | None = None
    teachers: list[int] = field(default_factory=list)


class Journal:
    """Journal of a search: one JSON line an event, on disk before it is acted on.

    The first line is the header (what is searched and how); then ``ask`` and ``tell`` events. From it the list
    of trials and the state of the strategy are rebuilt. One process writes; any number read.

    Use :meth:`create`, :meth:`open` or :meth:`read`.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], file: IO[bytes] | None = None) -> None:
        self.path = path
        self.header = dict(header)
        self.trials: list[Trial] = []
        self._events: list[dict[str, Any]] = []
        self._file = file
        self._lock: FileLock | None = None

    @classmethod
    def create(cls, path: str | Path, header: Mapping[str, Any]) -> Journal:
        """Start a journal.

        Raises
        ------
        UserError
            If one is there already, or another process is writing to it.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(path)
        if path.exists():
            lock.release()
            raise UserError(f"{path} already holds a search; choose another directory")
        archive = cls(path, {"event": "start", "version": VERSION, **header}, path.open("ab", buffering=0))
        archive._lock = lock
        archive._write(archive.header)
        return archive

    @classmethod
    def open(cls, path: str | Path, header: Mapping[str, Any] | None = None) -> Journal:
        """Continue a journal; what a crash left half-written at its end is cut off, with a warning.

        Raises
        ------
        UserError
            If it is missing, of another version, damaged, being written by another process, or was started
            with another header than the one given.
        """
        path = Path(path)
        lock = _locked(path)
        try:
            archive = cls.read(path)
            archive._require(header or {})
            _cut(path)
            archive._file = path.open("ab", buffering=0)
        except BaseException:
            lock.release()
            raise
        archive._lock = lock
        return archive

    @classmethod
    def read(cls, path: str | Path) -> Journal:
        """Load a journal to look at it, without the line that is being written or that a crash left half-written.

        Raises
        ------
        UserError
            If it is missing, of another version or damaged other than at its end.
        """
        path = Path(path)
        if not path.is_file():
            raise UserError(f"{path} is not there; name the directory of a search")
        events = list(_parsed(path))
        if not events or events[0].get("event") != "start":
            raise UserError(f"{path} does not begin with a header; it is no journal of a search")
        if events[0]["version"] != VERSION:
            raise UserError(f"{path} has format {events[0]['version']}, this release reads {VERSION}")
        archive = cls(path, events[0])
        for event in events[1:]:
            archive._apply(event)
        return archive

    @property
    def by_time(self) -> list[Trial]:
        """The trials that are done or failed, in the order in which they ended."""
        ended = (self.trials[event["number"]] for event in self._events if event["event"] == "tell")
        return [trial for trial in ended if trial.status != "rejected"]

    @property
    def finished(self) -> list[Trial]:
        """The trials that are done or failed, by number."""
        return [trial for trial in self.trials if trial.status in ("done", "failed")]

    def ask(self, architecture: Architecture, origin: str) -> Trial:
        """Record a proposal; the trial's number counts from 0."""
        number = len(self.trials)
        self._record({"event": "ask", "number": number, "architecture": architecture, "origin": origin})
        return self.trials[number]

    def tell(
        self,
        number: int,
        score: float | None,
        *,
        metrics: Mapping[str, float] | None = None,
        cost: float | None = None,
        reason: str | None = None,
        teachers: Sequence[int] = (),
        rejected: bool = False,
    ) -> None:
        """Record a result; a score of None is a failure, with its reason, or a rejection before training.

        Raises
        ------
        ValueError
            If the trial is unknown or was told before.
        UserError
            If the disk is full; the journal keeps what it had.
        """
        if not 0 <= number < len(self.trials) or self.trials[number].status != "pending":
            raise ValueError(f"trial {number} is not pending")
        event: dict[str, Any] = {"event": "tell", "number": number, "score": score}
        extra = {"metrics": dict(metrics or {}), "cost": cost, "reason": reason, "teachers": list(teachers)}
        extra["rejected"] = rejected
        self._record(event | {k: v for k, v in extra.items() if v})

    def state_dict(self) -> dict[str, Any]:
        """The history in the form a :class:`~nni_nasplus.search.strategy.Strategy` loads."""
        return {"events": [self._strategy_event(event) for event in self._events]}

    def best(self, direction: str | None = None) -> list[Trial]:
        """The finished trials, best first; the direction is the header's unless given."""
        sign = -1.0 if (direction or self.header["direction"]) == "maximize" else 1.0
        return sorted((t for t in self.trials if t.status == "done"), key=lambda t: (sign * _score(t), t.number))

    def close(self) -> None:
        """Stop writing and let another process continue."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _require(self, header: Mapping[str, Any]) -> None:
        for name, value in json.loads(json.dumps(dict(header))).items():
            if self.header.get(name) != value:
                raise UserError(f"{self.path} was started with another {name}; use the same or another directory")

    def _strategy_event(self, event: dict[str, Any]) -> dict[str, Any]:
        architecture = self.trials[event["number"]].architecture
        if event["event"] == "ask":
            return {"event": "ask", "architecture": architecture}
        return {
            "event": "tell",
            "architecture": architecture,
            "score": event["score"],
            "cost": event.get("cost"),
        }

    def _record(self, event: dict[str, Any]) -> None:
        self._write(event)
        self._apply(event)

    def _write(self, event: Mapping[str, Any]) -> None:
        if self._file is None:
            raise ValueError(f"{self.path} was opened for reading only")
        line, intact = _line(event), os.fstat(self._file.fileno()).st_size
        try:
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError as error:
            os.ftruncate(self._file.fileno(), intact)
            raise UserError(f"{self.path} cannot be written ({error.strerror}); it keeps what it had") from error

    def _apply(self, event: dict[str, Any]) -> None:
        if event["event"] == "ask":
            self.trials.append(Trial(event["number"], event["architecture"], event["origin"]))
        else:
            trial = self.trials[event["number"]]
            trial.score = event["score"]
            trial.status = "rejected" if event.get("rejected") else "failed" if trial.score is None else "done"
            trial.metrics, trial.cost = event.get("metrics", {}), event.get("cost")
            trial.reason, trial.teachers = event.get("reason"), event.get("teachers", [])
        self._events.append(event)


def _score(trial: Trial) -> float:
    assert trial.score is not None
    return trial.score


def _line(event: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(event, allow_nan=False)}\n".encode()


def _locked(path: Path) -> FileLock:
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"{path} is being written by another process; wait for it or end it") from None
    return lock


def _intact_lines(path: Path) -> list[bytes]:
    """The lines, without a half-written or damaged one at the end."""
    lines = path.read_bytes().splitlines(keepends=True)
    return lines if not lines or _is_whole(lines[-1]) else lines[:-1]


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return line.endswith(b"\n")


def _cut(path: Path) -> None:
    """Cut off what a crash left half-written at the end, with a warning."""
    intact = _intact_lines(path)
    size = sum(map(len, intact))
    if size < path.stat().st_size:
        warnings.warn(f"{path}: line {len(intact) + 1} was cut off by a crash and is ignored", stacklevel=3)
        os.truncate(path, size)


def _parsed(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_intact_lines(path), start=1):
        try:
            yield json.loads(line)
        except ValueError:
            raise UserError(f"{path} is damaged at line {number}; restore it from a copy") from None
