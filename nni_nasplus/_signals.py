"""SIGINT and SIGTERM: one request to stop, which every process of this package heeds once, and where it can leave off.

Python raises :class:`KeyboardInterrupt` wherever a process happens to be: in the commit of a database; in an exit
function, or while the interpreter ends, which prints a traceback; in a ``__del__``, which swallows it. And Ctrl-C is
two signals to a worker: the terminal's, and then that of the search which ends it. So a process is in turn

* deaf while it starts (:func:`start`), mortal while it imports (:func:`end_at_once`, :func:`end_with_a_line`): nothing
  has begun then;
* stoppable (:func:`stoppable`): the first signal raises KeyboardInterrupt, at once or as soon as what must not be torn
  is over (:func:`held`, :func:`heeded`); all others change nothing, for it is about to end already;
* deaf at its end, which is short: what it has earned is safe.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

TYPE_CHECKING = False
"""As in :mod:`typing`, which takes longer to import than all that is needed to hear a signal; so does subprocess."""
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType
    from typing import Any

__all__ = [
    "STOPS",
    "asked",
    "blocked",
    "end_at_once",
    "end_with",
    "end_with_a_line",
    "exit_code",
    "goes_on_by",
    "heeded",
    "held",
    "ignore_from_now_on",
    "last_line",
    "start",
    "stoppable",
]

STOPS = (signal.SIGINT, signal.SIGTERM)
_AGAIN_S = 0.01
_POLL_S = 0.5


class _Request:
    """The request to this process: handlers of signals are the process's, so there is one."""

    number: int | None = None
    is_heeded = False
    was_raised = False
    way_on = ""


_request = _Request()


def asked() -> bool:
    """Whether a signal has asked this process to stop."""
    return _request.number is not None


def exit_code() -> int:
    """What a shell says of a process that the signal ended; SIGINT where none was seen, but KeyboardInterrupt was."""
    return 128 + (_request.number or signal.SIGINT)


def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process that hears signals from its own :func:`end_at_once` or :func:`stoppable` on: they wait."""
    import subprocess

    with blocked():
        return subprocess.Popen(command)


def end_at_once() -> None:
    """Let a signal end this process silently, as one does that is no interpreter."""
    for number in _heard():
        signal.signal(number, signal.SIG_DFL)
    _unblock()


def end_with_a_line() -> None:
    """Let a signal end this process with the last line and the exit code of a command that was interrupted.

    It raises nothing: what imports may swallow anything, and be left half made.
    """
    for number in _heard():
        signal.signal(number, _end)


def end_with(parent: int, number: int) -> None:
    """Send this process a signal as soon as the one that started it is gone, however that ended."""
    import threading
    import time

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_S)
        os.kill(os.getpid(), number)

    threading.Thread(target=watch, name="nasplus watchdog", daemon=True).start()


@contextlib.contextmanager
def goes_on_by(command: str) -> Iterator[None]:
    """While this is open, and after it was interrupted, the last line names the command that goes on."""
    _request.way_on, interrupted = f", go on with: {command}", False
    try:
        yield
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        # Libraries turn an interrupt into errors of their own.
        if not (interrupted or asked()):
            _request.way_on = ""


def last_line(code: int) -> str:
    """What a command says that ends with an exit code of :func:`exit_code`."""
    how = "terminated" if code == 128 + signal.SIGTERM else "interrupted"
    return f"nasplus: {how}; what had finished is kept{_request.way_on}\n"


@contextlib.contextmanager
def stoppable(*, last: bool = True) -> Iterator[None]:
    """Heed the first signal.

    Parameters
    ----------
    last
        Whether nothing comes after but the end of the process: then it is deaf from there on. Otherwise the handlers
        from before are put back.

    Raises
    ------
    KeyboardInterrupt
        When it comes, here or in the code within.
    """
    _request.number, _request.was_raised = None, False
    before, hook = {number: signal.getsignal(number) for number in _heard()}, sys.unraisablehook
    sys.unraisablehook = _raising_again(hook)
    for number in before:
        signal.signal(number, _note)
    _unblock()
    try:
        with heeded():
            yield
    finally:
        if last:
            ignore_from_now_on()
        else:
            for number, handler in before.items():
                signal.signal(number, handler)
        sys.unraisablehook = hook


@contextlib.contextmanager
def held() -> Iterator[None]:
    """What is in here is not torn: a signal is heeded after it."""
    with _heeding(now=False):
        yield


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """What is in here can be left off, also within what is :func:`held`; it is not begun if a signal has come already.

    Raises
    ------
    KeyboardInterrupt
        Also where the code within has made a SystemExit of it, as Lightning does, or an error of its own, as what
        writes for TensorBoard does that is left in the middle of closing and closed once more.
    """
    with _heeding(now=True):
        yield


@contextlib.contextmanager
def blocked() -> Iterator[None]:
    """Let signals wait; those that had come are handled before."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def ignore_from_now_on() -> None:
    """Be deaf to the end.

    A signal that waits for its handler when SIG_IGN takes its place makes Python print an OSError: so that none waits,
    they are blocked first.
    """
    with blocked():
        for number in _heard():
            signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _heeding(*, now: bool) -> Iterator[None]:
    before, _request.is_heeded = _request.is_heeded, now
    try:
        _raise_if_due()
        yield
    except (SystemExit, Exception) as end:
        if _comes_of_an_interrupt(end):
            raise KeyboardInterrupt from None
        raise
    finally:
        _request.is_heeded = before
    _raise_if_due()


def _comes_of_an_interrupt(end: BaseException) -> bool:
    """Whether it was raised while one was handled."""
    before = end.__context__
    return before is not None and (isinstance(before, KeyboardInterrupt) or _comes_of_an_interrupt(before))


def _note(number: int, frame: FrameType | None) -> None:
    _request.number = _request.number or number
    _raise_if_due()


def _end(number: int, frame: FrameType | None) -> None:
    with contextlib.suppress(OSError):
        os.write(2, last_line(128 + number).encode())
    os._exit(128 + number)


def _raise_if_due() -> None:
    if asked() and _request.is_heeded and not _request.was_raised:
        _request.was_raised = True
        raise KeyboardInterrupt


def _raising_again(otherwise: Callable[[Any], object]) -> Callable[[Any], None]:
    """A hook that sends the signal anew a moment after Python swallowed what it had raised, as in a ``__del__``."""
    import threading

    def hook(unraisable: Any) -> None:
        if not (_request.was_raised and unraisable.exc_type is KeyboardInterrupt):
            otherwise(unraisable)
            return
        threading.Timer(_AGAIN_S, _send_again).start()

    return hook


def _send_again() -> None:
    """Raise once more; until here nothing was, for what a second signal raises in the hook is swallowed as well."""
    _request.was_raised = False
    os.kill(os.getpid(), _request.number or signal.SIGINT)


def _heard() -> list[signal.Signals]:
    """The signals that whoever started this process wants it to hear: a shell's background job is deaf to Ctrl-C."""
    return [number for number in STOPS if signal.getsignal(number) is not signal.SIG_IGN]


def _unblock() -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
