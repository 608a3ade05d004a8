"""The fork server of one experiment: ``python -m ….server SOCKET MANAGER ARGUMENTS…``.

It imports what trials import, forks one process a request, and ends, with all that it forked, when the manager ends.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import traceback
from pathlib import Path

import psutil

from nni_nasplus.hosts.nni.preloaded.preload import preload

__all__ = ["main"]

_STOPS = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Listen at once, import, and serve until the manager ends or a signal says so.

    Whatever imports torch is imported after the listening, so that clients find the server early.
    """
    path, manager, arguments = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    stopping: list[int] = []
    for number in _STOPS:
        signal.signal(number, lambda number, _: stopping.append(number))
    with socket.socket(socket.AF_UNIX) as listener, contextlib.suppress(psutil.NoSuchProcess):
        listener.bind(str(path))
        try:
            process = psutil.Process(manager)
            listener.listen()
            threads = preload(arguments)
            from nni_nasplus.hosts.nni.preloaded.forking import Server

            server = Server(listener, threads)
            server.serve(lambda: not stopping and _alive(process))
        except Exception:  # noqa: BLE001 - all is told, and before the socket closes: then clients read the log
            traceback.print_exc()
            sys.exit(1)
        finally:
            path.unlink(missing_ok=True)
        path.with_name(f"{path.name}.log").unlink(missing_ok=True)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    main()
