"""Errors that a user can mend."""

from __future__ import annotations

__all__ = ["UserError"]


class UserError(ValueError):
    """Bad input: the message is one line that names the thing and the remedy.

    The command line prints it without a traceback and exits with code 2.
    """
