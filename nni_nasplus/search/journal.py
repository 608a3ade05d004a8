"""The journal: an append-only file of every proposal and result of a search."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from nni_nasplus.errors import UserError
from nni_nasplus.search.history import Direction, History
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.trial import Outcome, Proposal, Trial, finite

__all__ = ["JOURNAL", "Journal"]

JOURNAL = "journal.jsonl"
"""The file in a run directory."""
VERSION = 2
"""1 had no kinds of failures, no curves and no epochs."""


class Journal:
    """The history of a search on disk: one JSON line an event, written before it is acted on.

    The first line is the header: what is searched and how. Then a line for each proposal (``ask``), trial that goes on
    (``continue``), point of a curve (``report``) and end of a trial (``tell``). From them the history is rebuilt. One
    process writes; any number read.

    Use :meth:`create`, :meth:`open`, :meth:`at` or :meth:`read`.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], history: History) -> None:
        self.path = path
        self.header = dict(header)
        self.history = history
        self._file: IO[bytes] | None = None
        self._lock: FileLock | None = None

    @classmethod
    def create(
        cls, path: str | Path, space: SearchSpace, *, direction: Direction = "maximize", **settings: Any
    ) -> Journal:
        """Start a journal.

        Parameters
        ----------
        settings
            What else the header says, as JSON values.

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
        header = {"event": "start", "version": VERSION, "direction": direction, "space": space.to_json(), **settings}
        journal = cls(path, header, History(space, direction))
        journal._file, journal._lock = path.open("ab", buffering=0), lock
        journal._write(header)
        return journal

    @classmethod
    def open(
        cls,
        path: str | Path,
        space: SearchSpace | None = None,
        *,
        direction: Direction | None = None,
        **settings: Any,
    ) -> Journal:
        """Continue a journal; what a crash left half-written at its end is cut off, with a warning.

        Raises
        ------
        UserError
            If it is missing, of another version, damaged, being written by another process, or was started
            with another space, direction or setting than given.
        """
        path = Path(path)
        lock = _locked(path)
        try:
            given = {**({} if direction is None else {"direction": direction}), **settings}
            journal = cls._loaded(path, space, given)
            _cut(path)
            journal._file = path.open("ab", buffering=0)
        except BaseException:
            lock.release()
            raise
        journal._lock = lock
        return journal

    @classmethod
    def at(cls, path: Path, space: SearchSpace, *, direction: Direction, **settings: Any) -> Journal:
        """Continue a journal, or start it where there is none; see :meth:`open` and :meth:`create`."""
        found = cls.open if path.exists() else cls.create
        return found(path, space, direction=direction, **settings)

    @classmethod
    def read(cls, path: str | Path) -> Journal:
        """Load a journal to look at it, without the line that is being written or that a crash left half-written.

        Raises
        ------
        UserError
            If it is missing, of another version or damaged other than at its end.
        """
        return cls._loaded(Path(path), None, {})

    @classmethod
    def salvaged(cls, path: str | Path) -> tuple[Journal, str | None]:
        """Load a journal as far as it is whole, to learn from it.

        Returns
        -------
        tuple
            The journal, and what is wrong with the rest of it, in words; None where it is whole.

        Raises
        ------
        UserError
            If it is missing, of another version or damaged from its header on.
        """
        journal, events = cls._begun(Path(path), None, {})
        try:
            journal._apply_all(events)
        except UserError as error:
            return journal, str(error)
        return journal, None

    @classmethod
    def _loaded(cls, path: Path, space: SearchSpace | None, settings: Mapping[str, Any]) -> Journal:
        journal, events = cls._begun(path, space, settings)
        journal._apply_all(events)
        return journal

    @classmethod
    def _begun(
        cls, path: Path, space: SearchSpace | None, settings: Mapping[str, Any]
    ) -> tuple[Journal, Iterator[dict[str, Any]]]:
        """The journal without its events, if it is of these, and its events.

        The space is the one given, for some cannot be made of the header alone.
        """
        if not path.is_file():
            raise UserError(f"{path} is not there; name the directory of a search")
        events = _parsed(path)
        header = next(events, {})
        if header.get("event") != "start":
            raise UserError(f"{path} does not begin with a header; it is no journal of a search")
        if header.get("version") != VERSION:
            raise UserError(f"{path} has format {header.get('version')}, this release reads {VERSION}")
        _require(path, header, {**settings, **({} if space is None else {"space": space.to_json()})})
        with _damage_named(path, 1):
            known = space or SearchSpace.from_json(header["space"])
            journal = cls(path, header, History(known, header["direction"]))
            journal.history.is_budgeted = header.get("budget") is not None
            return journal, events

    def _apply_all(self, events: Iterator[dict[str, Any]]) -> None:
        for line, event in enumerate(events, start=2):
            with _damage_named(self.path, line):
                self._apply(event)

    def ask(self, proposal: Proposal) -> Trial:
        """Record a proposal; see :meth:`History.ask`."""
        self.history.check(proposal)
        known = self.history.trial_of(proposal.architecture)
        event: dict[str, Any] = {"event": "continue", "number": known.number} if known else {"event": "ask"}
        if known is None:
            event |= {"number": len(self.history.trials), "architecture": proposal.architecture}
            event["origin"] = proposal.origin
        self._write(event | ({} if proposal.epochs is None else {"epochs": proposal.epochs}))
        return self.history.ask(proposal)

    def report(self, number: int, epochs: int, score: float) -> None:
        """Record a point of a curve; see :meth:`History.report`."""
        self.history.require_pending(number)
        self._write({"event": "report", "number": number, "epochs": epochs, "score": score})
        self.history.report(number, epochs, score)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Record how a trial ended; see :meth:`History.tell`.

        Raises
        ------
        ValueError
            If the trial is unknown or has ended.
        UserError
            If the disk is full; the journal keeps what it had.
        """
        self.history.require_pending(number)
        self._write({"event": "tell", "number": number, **outcome.to_json()})
        self.history.tell(number, outcome)

    def close(self) -> None:
        """Stop writing and let another process continue."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

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
        epochs = event.get("epochs")
        if not isinstance(epochs, int | None):
            raise TypeError(epochs)
        match event.pop("event"), event.pop("number"):
            case "ask", number if number == len(self.history.trials):
                self.history.ask(Proposal(event["architecture"], str(event["origin"]), epochs))
            case "continue", number if number >= 0:
                trial = self.history.trials[number]
                self.history.ask(Proposal(trial.architecture, trial.origin, epochs))
            case "report", number if epochs is not None:
                self.history.report(number, epochs, finite(event["score"]))
            case "tell", number:
                self.history.tell(number, Outcome.from_json(event))
            case other:
                raise ValueError(other)


def _require(path: Path, header: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    for name, value in json.loads(json.dumps(settings)).items():
        if header.get(name) != value:
            raise UserError(f"{path} was started with another {name}; use the same or another directory")


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
    except (ValueError, RecursionError):
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
        with _damage_named(path, number):
            event = json.loads(line)
            if not isinstance(event, dict):
                raise TypeError(event)
        yield event


@contextlib.contextmanager
def _damage_named(path: Path, line: int) -> Iterator[None]:
    """Say of whatever is wrong with a line that it is damaged."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise UserError(f"{path} is damaged at line {line}; restore it from a copy") from None
