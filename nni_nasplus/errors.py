"""Errors that a user can mend, and ends of trials."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["HostLost", "TrialFailed", "UserError", "some"]


_LONGEST = 600
"""Characters of a message: some five lines of a terminal. What was given may have millions."""
_NAMED = 3
"""How many examples a message has."""


class UserError(ValueError):
    """Bad input: the message is one line that names the thing and the remedy.

    The command line prints it without a traceback and exits with code 2. Of a message that repeats a long input the
    middle is left out.
    """

    def __init__(self, message: str = "") -> None:
        line = " ".join(message.encode("utf-8", "backslashreplace").decode().split())
        half = _LONGEST // 2
        super().__init__(line if len(line) <= _LONGEST else f"{line[:half]} … {line[-half:]}")


class TrialFailed(RuntimeError):
    """The trial cannot give a score; the message is the reason that the journal keeps."""


class HostLost(RuntimeError):
    """The host does not answer any more: no failure of the trial, which is tried again when the search goes on."""


def some(things: Sequence[object]) -> str:
    """The first of some things, and how many more there are, for a message."""
    more = f" and {len(things) - _NAMED} more" if len(things) > _NAMED else ""
    return ", ".join(map(str, things[:_NAMED])) + more
