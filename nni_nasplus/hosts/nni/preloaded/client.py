"""What NNI starts as a trial: asks the fork server for a process, and ends as that process ends.

It is run as a script with nothing but the standard library and the files beside it, so that it is up in milliseconds.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable

_STOPS = (signal.SIGINT, signal.SIGTERM)
_LOST = "nasplus: the process that this trial was forked from is gone\n"


class Stops:
    """Passes on the signals that ask to stop, and remembers the last."""

    asked: int | None = None

    def forward(self, send: Callable[[int], object]) -> None:
        """From now on give each such signal to ``send``, and the last that came before, if one was remembered."""

        def handle(number: int, _: object) -> None:
            self.asked = number
            try:
                send(number)
            except OSError:
                return

        for number in _STOPS:
            signal.signal(number, handle)
        if self.asked is not None:
            handle(self.asked, None)


def main() -> None:
    """Run the trial of the command line, and end as it ends."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_DFL)
    arguments, stops = sys.argv[1:], Stops()
    if arguments[:1] == ["--preload"]:
        from rendezvous import connect

        sys.exit(connect(arguments[1:]) is None)
    connection = _connect(arguments)
    if connection is not None:
        _end(_wait(connection, stops), stops.asked)
    from plain import run

    _end(run(arguments, stops.forward), stops.asked)


def _connect(arguments: list[str]) -> socket.socket | None:
    """A connection to the server that has taken the request; None if a plain interpreter has to do."""
    able = hasattr(os, "fork") and hasattr(socket, "AF_UNIX") and hasattr(socket, "send_fds")
    if not able or not _understood(arguments) or os.environ.get("NASPLUS_PRELOAD") == "0":
        return None
    from protocol import send_request
    from rendezvous import connect

    connection = connect(arguments)
    if connection is None:
        return None
    try:
        request = {"arguments": arguments, "directory": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109
        send_request(connection, request)
    except OSError:
        return None
    return connection


def _understood(arguments: list[str]) -> bool:
    """Whether this is a module or a script; the rest, and a script that is not there, is for a plain interpreter."""
    if arguments[:1] == ["-m"]:
        return len(arguments) > 1
    return bool(arguments) and os.path.exists(arguments[0])  # noqa: PTH110


def _wait(connection: socket.socket, stops: Stops) -> int:
    """Wait for the process that the server forked; its exit code, or minus the signal that killed it."""
    stops.forward(lambda number: connection.send(bytes([number])))
    with connection.makefile("r") as answers:
        process, status = answers.readline(), answers.readline()
    if status:
        return int(status)
    sys.stderr.write(_LOST)
    sys.stderr.flush()
    _kill_group(int(process or 0))
    return 1


def _kill_group(leader: int) -> None:
    try:
        if leader:
            os.killpg(leader, signal.SIGKILL)
    except OSError:
        return


def _end(status: int, asked: int | None) -> None:
    """End this process as a trial of this status would, but by a signal only if this process was sent it.

    NNI takes a trial that ends by a signal as canceled by the user; one that had finished when the signal came has not
    been.
    """
    if asked is not None and status:
        signal.signal(asked, signal.SIG_DFL)
        os.kill(os.getpid(), asked)
    if status < 0:
        name = next((s.name for s in signal.Signals if s == -status), "a real-time signal")
        why = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        sys.stderr.write(f"nasplus: the trial was killed by signal {-status} ({name}){why}\n")
        sys.stderr.flush()
    os._exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
