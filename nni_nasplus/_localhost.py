"""Requests to this machine go past any proxy: a company's does not reach the parts of a search that talk to each other.

``requests``, ``urllib`` and ``websockets`` read the variables; what they know of ``no_proxy`` in either case differs.
"""

from __future__ import annotations

import os

__all__ = ["reach_localhost_directly"]

_HOSTS = ("localhost", "127.0.0.1", "::1")
_NAMES = ("no_proxy", "NO_PROXY")


def reach_localhost_directly() -> None:
    """Name this machine among those without a proxy, for this process and those that it starts, beside the user's."""
    given = {name: os.environ[name] for name in _NAMES if os.environ.get(name)}
    for name in _NAMES:
        os.environ[name] = _extended(given.get(name) or next(iter(given.values()), ""))


def _extended(exceptions: str) -> str:
    """A list of hosts with this machine's names; ``*``, which must stand alone, has them already."""
    known = [host.strip() for host in exceptions.split(",") if host.strip()]
    return exceptions if "*" in known else ",".join([*known, *(host for host in _HOSTS if host not in known)])
