"""The loop of the fork server: one process a request, each with its client's connection."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from nni_nasplus.hosts.nni.preloaded.child import run_trial
from nni_nasplus.hosts.nni.preloaded.protocol import READY, receive_request

__all__ = ["HELD", "Server"]

HELD = (signal.SIGINT, signal.SIGTERM)
_POLL_S = 0.5
_REQUEST_S = 10.0


class Server:
    """One thread: takes requests, passes signals on, and reports what ended.

    Parameters
    ----------
    threads
        Torch's threads in the trials.
    """

    def __init__(self, listener: socket.socket, threads: int) -> None:
        self._listener = listener
        self._threads = threads
        self._trials: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._wakeup = socket.socketpair()
        self._watch(listener, self._accept)
        self._watch(self._wakeup[0], self._reap)
        for end in self._wakeup:
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakeup[1].fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self, alive: Callable[[], bool]) -> None:
        """Serve while ``alive``; then kill every trial's process group."""
        look = 0.0
        while True:
            if time.monotonic() >= look:
                if not alive():
                    break
                look = time.monotonic() + _POLL_S
            for key, _ in self._selector.select(_POLL_S):
                key.data()
        for process in self._trials:
            _kill_group(process)

    def _watch(self, source: socket.socket, act: Callable[[], None]) -> None:
        self._selector.register(source, selectors.EVENT_READ, act)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(_REQUEST_S)
        self._watch(connection, lambda: self._start(connection))
        with contextlib.suppress(OSError):
            connection.sendall(READY)

    def _start(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        try:
            request, streams = receive_request(connection)
        except (OSError, ValueError):
            connection.close()
            return
        process = self._fork(request, streams, connection)
        for stream in streams:
            os.close(stream)
        self._trials[process] = connection
        self._watch(connection, lambda: self._pass_on(process, connection))
        with contextlib.suppress(OSError):
            connection.sendall(f"{process}\n".encode())

    def _fork(self, request: dict[str, Any], streams: list[int], connection: socket.socket) -> int:
        """Fork; signals are held back until the trial has its own handlers."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
        process = os.fork()
        if process == 0:
            self._leave(connection)
            run_trial(request, streams, self._threads)
        with contextlib.suppress(OSError):
            os.setpgid(process, process)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return process

    def _leave(self, connection: socket.socket) -> None:
        """In the trial: close what is the server's."""
        for other in (self._listener, connection, *self._wakeup, *self._trials.values()):
            other.close()
        self._selector.close()

    def _pass_on(self, process: int, connection: socket.socket) -> None:
        """A signal for the trial; a client that is gone takes its trial along."""
        if process not in self._trials:
            return
        try:
            numbers = connection.recv(16)
        except OSError:
            numbers = b""
        for number in numbers:
            os.kill(process, number)
        if not numbers:
            self._selector.unregister(connection)
            _kill_group(process)

    def _reap(self) -> None:
        self._wakeup[0].recv(4096)
        for process in list(self._trials):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                self._report(process, os.waitstatus_to_exitcode(status))

    def _report(self, process: int, code: int) -> None:
        connection = self._trials.pop(process)
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection)
        with contextlib.suppress(OSError):
            connection.sendall(f"{code}\n".encode())
        connection.close()


def _kill_group(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
