"""Where client and server meet: a socket in a folder of the user's own; the first client starts the server.

A server that fails says why in a log beside its socket, whose last line the client repeats.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import stat
import subprocess
import sys
import time

from protocol import READY, VERSION

__all__ = ["connect"]

_SERVER = "nni_nasplus.hosts.nni.preloaded.server"
_PATIENCE_S = 60.0
_POLL_S = 0.01
_LONGEST = 60
_INIT = 1


def connect(arguments: list[str]) -> socket.socket | None:
    """A connection to a server that is ready; None if there is none within a minute."""
    path = ""
    try:
        manager = _manager()
        if manager == _INIT:
            raise ProcessLookupError("the manager is gone")  # a server would never end
        path = _path(manager)
        connection = _reach(path, manager, arguments)
        connection.settimeout(_PATIENCE_S)
        ready = connection.recv(len(READY)) == READY
        connection.settimeout(None)
        if ready:
            return connection
        reason = _last_line(path)
    except OSError as error:
        reason = _last_line(path) or str(error)
    sys.stderr.write(f"warning: this trial starts without preloading, for the fork server failed: {reason}\n")
    return None


def _path(manager: int) -> str:
    """The socket of a manager's server."""
    name = repr((VERSION, sys.executable, manager))
    return os.path.join(_folder(), hashlib.sha256(name.encode()).hexdigest()[:16] + ".sock")  # noqa: PTH118


def _last_line(path: str) -> str:
    """The last line of a server's log; nothing if there is none."""
    try:
        with open(path + ".log", encoding="utf-8", errors="replace") as log:  # noqa: PTH123
            return next((line.strip() for line in reversed(log.readlines()) if line.strip()), "")
    except OSError:
        return ""


def _reach(path: str, manager: int, arguments: list[str]) -> socket.socket:
    """A connection to a manager's server, started if there is none; one client at a time looks twice."""
    connection = _open(path)
    if connection is not None:
        return connection
    lock = os.open(os.path.dirname(path), os.O_RDONLY)  # noqa: PTH120
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _open(path) or _start(path, manager, arguments)
    finally:
        os.close(lock)


def _open(path: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    return connection


def _start(path: str, manager: int, arguments: list[str]) -> socket.socket:
    """Start the server and connect; it listens before it imports, so that this does not take long."""
    if os.path.exists(path):  # noqa: PTH110
        os.unlink(path)  # noqa: PTH108
    command = [sys.executable, "-m", _SERVER, path, str(manager), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NNI_")}
    with open(path + ".log", "wb") as log:  # noqa: PTH123
        server = subprocess.Popen(
            command, env=environment, start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    deadline = time.monotonic() + _PATIENCE_S
    while server.poll() is None and time.monotonic() < deadline:
        connection = _open(path)
        if connection is not None:
            return connection
        time.sleep(_POLL_S)
    raise OSError("it did not start")


def _folder() -> str:
    """The user's own folder for sockets, whose paths are limited to about a hundred bytes."""
    parent = os.environ.get("TMPDIR", "/tmp")
    parent = parent if len(parent) <= _LONGEST else "/tmp"
    folder = os.path.join(parent, f"nasplus-{os.getuid()}")  # noqa: PTH118
    try:
        os.mkdir(folder, 0o700)  # noqa: PTH102
    except FileExistsError:
        found = os.lstat(folder)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(f"{folder} is open to others") from None
    return folder


def _manager() -> int:
    """The nearest ancestor that is a manager of NNI, or else the parent."""
    process = os.getppid()
    try:
        while process > 1:
            with open(f"/proc/{process}/cmdline", "rb") as file:  # noqa: PTH123
                if any(b"nni_node" in word.split(b"/") for word in file.read().split(b"\0")):
                    return process
            with open(f"/proc/{process}/stat", "rb") as file:  # noqa: PTH123
                process = int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return os.getppid()
    return os.getppid()
