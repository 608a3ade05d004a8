"""What client and server exchange over their Unix socket; standard library only.

The server says :data:`READY`; the client sends the request, which is its length with three descriptors, and JSON; the
server answers with the process's id and, when that has ended, its exit code, a line each. In between the client
sends a byte a signal that it passes on.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

__all__ = ["READY", "VERSION", "receive_request", "send_request"]

VERSION = 1
READY = b"R"
_LENGTH = struct.Struct("!I")
_STREAMS = (0, 1, 2)


def send_request(connection: socket.socket, request: dict[str, Any]) -> None:
    """Send a request and this process's standard streams."""
    body = json.dumps(request).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(body))], _STREAMS)
    connection.sendall(body)


def receive_request(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The request and the three descriptors.

    Raises
    ------
    OSError
        If the other side left or sent something else.
    """
    length, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, len(_STREAMS))
    if len(length) != _LENGTH.size or len(streams) != len(_STREAMS):
        raise ConnectionError("no request came")
    body = bytearray()
    while len(body) < _LENGTH.unpack(length)[0]:
        part = connection.recv(1 << 16)
        if not part:
            raise ConnectionError("half a request came")
        body += part
    return json.loads(body), streams
