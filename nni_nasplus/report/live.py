"""The report of a run as a page that keeps up with it, served to this machine alone."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from nni_nasplus.errors import UserError
from nni_nasplus.report.findings import REPORT
from nni_nasplus.report.page import page, waiting_page
from nni_nasplus.run.run import Run
from nni_nasplus.search.journal import JOURNAL

__all__ = ["LivePage", "served"]

HERE = "127.0.0.1"
_LAST_PORT = 65_535
_SHARE = 0.1
"""Of a processor, how much may go into making pages: a search that runs needs it."""


class LivePage:
    """The page of a run as it is now, made when somebody asks and its files have changed.

    Parameters
    ----------
    run
        Whose; it may have no trial yet.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._seen: object = None
        self._made = 0
        self._due = 0.0
        self._text = ""

    def version(self) -> str:
        """Changes once :meth:`text` would be another; nothing is made."""
        return str(self._made + (self._files() != self._seen and time.monotonic() >= self._due))

    def text(self) -> str:
        """HTML."""
        with self._lock:
            if self.version() != str(self._made):
                self._make()
            return self._text

    def _make(self) -> None:
        seen, began = self._files(), time.thread_time()
        self._made += 1
        self._text = self._page(str(self._made))
        self._seen = seen
        self._due = time.monotonic() + (time.thread_time() - began) / _SHARE

    def _page(self, version: str) -> str:
        try:
            return page(self._run, version)
        except UserError as error:
            return waiting_page(self._run, version, str(error))

    def _files(self) -> tuple[tuple[int, int] | None, ...]:
        """When what a page is made of was written, and how long it is."""
        paths = (self._run.directory / name for name in (JOURNAL, REPORT))
        stats = (path.stat() if path.exists() else None for path in paths)
        return tuple(stat and (stat.st_mtime_ns, stat.st_size) for stat in stats)


@contextlib.contextmanager
def served(run: Run, port: int = 0) -> Iterator[str]:
    """The address of the report while this is open.

    Parameters
    ----------
    port
        Where to listen; 0 for any port that is free.

    Raises
    ------
    UserError
        If the port is in use, or there is no such.
    """
    if not 0 <= port <= _LAST_PORT:
        raise UserError(f"--report-port is {port}; use 1 to {_LAST_PORT}, or 0 for any that is free")
    try:
        server = ThreadingHTTPServer((HERE, port), partial(_Handler, LivePage(run)))
    except OSError as error:
        what = f"port {port} cannot be listened on ({error.strerror})"
        raise UserError(f"{what}; name another with --report-port") from None
    with server:
        thread = threading.Thread(target=server.serve_forever, name="nasplus report", daemon=True)
        thread.start()
        try:
            yield f"http://{HERE}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers with the page, and with its version for a page that asks whether it is still the latest."""

    def __init__(self, live: LivePage, *arguments: object) -> None:
        self._answers = {"/": (live.text, "text/html"), "/version": (live.version, "text/plain")}
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer this machine alone: a page from elsewhere whose name has been led here gets nothing."""
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in (HERE, "localhost"):
            self.send_error(HTTPStatus.FORBIDDEN)
        elif self.path not in self._answers:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self._send(*self._answers[self.path])

    def _send(self, made: Callable[[], str], kind: str) -> None:
        body = made().encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # as the base calls it
        """Say nothing: the terminal is the user's."""
