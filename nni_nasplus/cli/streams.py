"""The standard streams of a command, which may be closed, full or no longer read, and how it ends in one line."""

from __future__ import annotations

import contextlib
import os
import sys
from argparse import ArgumentError
from collections.abc import Iterator
from typing import TextIO

from nni_nasplus.cli.help import in_words
from nni_nasplus.cli.surroundings import explained
from nni_nasplus.errors import UserError

__all__ = ["flushed", "one_line", "open_closed_streams", "say"]


def open_closed_streams() -> None:
    """Let nothing take the place of a standard stream that is closed: what is written there would go into a file."""
    for name, flags in (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, flags)
            setattr(sys, name, os.fdopen(number, "r" if flags == os.O_RDONLY else "w", encoding="utf-8"))


def say(line: str) -> None:
    """Write a line to standard error, if anybody listens."""
    with contextlib.suppress(OSError):
        sys.stderr.write(line)
        sys.stderr.flush()


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """End the process with exit code 2 and a line, where the user or the system is to blame.

    Where nobody reads the output any more, as in ``nasplus show RUN | head -1``, it ends silently, with exit code 1.
    """
    try:
        yield
    except BrokenPipeError:
        _drop_rest(sys.stdout, sys.stderr)
        sys.exit(1)
    except (UserError, UserWarning, ArgumentError, OSError) as error:
        say(f"nasplus: error: {' '.join(_message(error).split())}\n")
        sys.exit(2)


def _message(error: Exception) -> str:
    if isinstance(error, ArgumentError):
        return in_words(error.message)
    if isinstance(error, OSError) and (line := explained(error)):
        return line
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used ({error.strerror}); check the path, its rights and the space there"
    return str(error) or type(error).__name__


@contextlib.contextmanager
def flushed() -> Iterator[None]:
    """Write all output before the process ends, when nobody could be told that it cannot be written.

    Raises
    ------
    OSError
        If it cannot be written, or nobody reads it.
    """
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            _drop_rest(sys.stdout)
            raise


def _drop_rest(*streams: TextIO) -> None:
    """Forget what is still to be written: the interpreter would try it once more."""
    for stream in streams:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
