"""The trainings of a tail, side by side: as many at a time as the search had."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import IO, Any

from nni_nasplus.errors import UserError
from nni_nasplus.run.run import Run
from nni_nasplus.tail.contender import Contender, Training
from nni_nasplus.training.trainer import share_cores

__all__ = ["LOG", "Workers"]

LOG = "tail.log"
"""What the processes print, in the run directory."""
_POLL_S = 0.5


class Workers:
    """Trains what it is given, in this process or side by side in others, as a context manager.

    Processes are started when something is to be trained for the first time: they take some seconds to come up. They
    end with this one, however it ends; what was in training is then trained anew another time.

    Parameters
    ----------
    run
        Whose contenders are trained.
    at_a_time
        How many at a time; one is trained in this process.
    note
        Told of each training as it begins.
    """

    def __init__(self, run: Run, at_a_time: int = 1, note: Callable[[str], None] = lambda text: None) -> None:
        self.run = run
        self.at_a_time = at_a_time if hasattr(os, "fork") else 1
        self._note = note
        self._server: subprocess.Popen[bytes] | None = None
        self._ended: deque[Training] = deque()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()

    def each(self, ask: Callable[[], Training | None]) -> Iterator[tuple[Training, Contender | None]]:
        """Train one after the other, as they end.

        Parameters
        ----------
        ask
            Gives what is to be trained next, asked anew whenever there is room; None for nothing, at least for now.

        Yields
        ------
        What has ended, and the contender that it is now, None where it failed. What had ended before is not trained
        again.

        Raises
        ------
        UserError
            If what was given cannot be trained at all, or the processes are gone.
        """
        flying: dict[str, Training] = {}
        while True:
            while len(flying) < self.at_a_time and (training := ask()) is not None:
                if training.has_ended:
                    yield training, training.contender()
                else:
                    self._note(training.title)
                    flying[str(training.folder)] = training
                    self._begin(training)
            if not flying:
                return
            training = flying.pop(self._next_ended())
            yield training, training.contender()

    def _begin(self, training: Training) -> None:
        if self.at_a_time == 1:
            training.train(self.run)
            self._ended.append(training)
            return
        stream = _stream(self._started().stdin)
        with contextlib.suppress(BrokenPipeError):  # that they are gone is said where their answer is awaited
            _write(stream, training.to_json(self.run))

    def _next_ended(self) -> str:
        """The folder of a training that has ended, of those that have begun."""
        if self.at_a_time == 1:
            return str(self._ended.popleft().folder)
        line = _stream(self._started().stdout).readline()
        if not line:
            directory = self.run.directory
            what = f"the processes of the tail are gone, for which {directory / LOG} may have the reason"
            raise UserError(f"{what}; what had finished is kept, go on with: nasplus resume {directory}")
        answer = json.loads(line)
        if answer["error"] is not None:
            raise UserError(answer["error"])
        return str(self.run.directory / answer["folder"])

    def _started(self) -> subprocess.Popen[bytes]:
        """The process that the others are forked from: in a session of its own, so that Ctrl-C ends them from here."""
        if self._server is None:
            command = [sys.executable, "-m", __name__, str(self.run.directory), str(self.at_a_time)]
            with (self.run.directory / LOG).open("ab") as log:
                self._server = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
                )
        return self._server


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _write(stream: IO[bytes], content: Any) -> None:
    stream.write(json.dumps(content).encode() + b"\n")
    stream.flush()


def serve(run: Run, at_a_time: int, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Train what comes as a line of JSON, each in a process of its own, and answer each by a line with its folder.

    The processes are forked once this one has imported all that they need, and before it has computed anything.

    Parameters
    ----------
    requests
        Unbuffered; when they end, so does this.
    """
    run.space, run.evaluator  # noqa: B018 - now they are imported
    running: dict[Any, tuple[BaseProcess, str]] = {}
    while True:
        for ready in wait([requests.fileno(), *running]):
            if ready in running:
                process, folder = running.pop(ready)
                process.join()
                if process.exitcode:  # killed, and none could answer for it but this
                    _write(answers, {"folder": folder, "error": None})
            elif line := requests.readline():
                content = json.loads(line)
                process = get_context("fork").Process(target=_train, args=(run, content, at_a_time, answers))
                process.start()
                running[process.sentinel] = process, content["folder"]
            else:
                return


def _train(run: Run, content: dict[str, Any], at_a_time: int, answers: IO[bytes]) -> None:
    """Train one, and answer; what cannot work of it at all is told in words."""
    _end_with_the_server()
    share_cores(at_a_time)
    try:
        Training.from_json(run, content).train(run)
    except UserError as error:
        _write(answers, {"folder": content["folder"], "error": str(error)})
    else:
        _write(answers, {"folder": content["folder"], "error": None})


def _end_with_the_server() -> None:
    """End this process as soon as the one that it was forked from has ended, however that was."""

    def watch() -> None:
        while os.getppid() == server:
            time.sleep(_POLL_S)
        os.kill(os.getpid(), signal.SIGKILL)

    server = os.getppid()
    threading.Thread(target=watch, name="nasplus watchdog", daemon=True).start()


def main() -> None:
    """Serve the run directory named on the command line; what prints to the standard output prints to the log."""
    with os.fdopen(os.dup(1), "wb") as answers, os.fdopen(os.dup(0), "rb", buffering=0) as requests:
        os.dup2(2, 1)
        serve(Run.open(sys.argv[1]), int(sys.argv[2]), requests, answers)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
