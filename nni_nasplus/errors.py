"""Errors that a user can mend, and ends of trials."""

from __future__ import annotations

__all__ = ["HostLost", "TrialFailed", "UserError"]


class UserError(ValueError):
    """Bad input: the message is one line that names the thing and the remedy.

    The command line prints it without a traceback and exits with code 2.
    """


class TrialFailed(RuntimeError):
    """The trial cannot give a score; the message is the reason that the journal keeps."""


class HostLost(RuntimeError):
    """The host does not answer any more: no failure of the trial, which is tried again when the search goes on."""
