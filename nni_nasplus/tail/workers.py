"""The trainings of a tail, side by side: as many at a time as the search had."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from functools import cache
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from joblib.externals.loky import BrokenProcessPool, ProcessPoolExecutor

from nni_nasplus._signals import blocked, end_with
from nni_nasplus.run.run import Run
from nni_nasplus.tail.contender import Contender, Training
from nni_nasplus.training.trainer import share_cores
from nni_nasplus.training.trial_folder import failed, write_outcome

__all__ = ["LOG", "Workers"]

LOG = "tail.log"
"""What the processes print, in the run directory."""


class Workers(contextlib.ExitStack):
    """Trains what it is given, in this process or side by side in others, as a context manager.

    A process is started when there is something to train and none is idle: it takes some seconds to come up. All end
    with this one, however it ends; what was in training is then trained anew another time. Each is the one process of
    an executor of its own, for loky gives an executor up with all its processes when one of them is killed.

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
        super().__init__()
        self.run = run
        self.at_a_time = at_a_time
        self._note = note
        self._idle: list[ProcessPoolExecutor] = []

    def each(self, ask: Callable[[], Training | None]) -> Iterator[tuple[Training, Contender | None]]:
        """Train one after the other, as they end.

        Parameters
        ----------
        ask
            Gives what is to be trained next, asked anew whenever there is room; None for nothing, at least for now.

        Yields
        ------
        What has ended, and the contender that it is now, None where it failed, as it has when its process is killed.
        What had ended before is not trained again; what was killed before is.

        Raises
        ------
        UserError
            If what was given cannot be trained at all.
        """
        flying: dict[Future[None], tuple[Training, ProcessPoolExecutor]] = {}
        while True:
            while len(flying) < self.at_a_time and (training := ask()) is not None:
                if not training.has_ended:
                    self._note(training.title)
                    if self.at_a_time > 1:
                        process = self._idle.pop() if self._idle else self._started()
                        flying[self._begun(training, process)] = training, process
                        continue
                    training.train(self.run)
                yield training, training.contender()
            if not flying:
                return
            future = next(iter(wait(flying, return_when=FIRST_COMPLETED).done))
            training, process = flying.pop(future)
            self._end(future, training, process)
            yield training, training.contender()

    def _started(self) -> ProcessPoolExecutor:
        begin = (self.run.directory, self.at_a_time, os.getpid())
        pool = ProcessPoolExecutor(1, initializer=_begin, initargs=begin, env={"PYTHONUNBUFFERED": "1"})
        self.callback(pool.shutdown, kill_workers=True)
        return pool

    def _begun(self, training: Training, process: ProcessPoolExecutor) -> Future[None]:
        """Its process is deaf to Ctrl-C, which is for this one to hear, and to end it."""
        resource_tracker.ensure_running()  # starting it unblocks signals before Python 3.13
        with blocked():
            return process.submit(_train, self.run.directory, training.to_json(self.run))

    def _end(self, future: Future[None], training: Training, process: ProcessPoolExecutor) -> None:
        try:
            future.result()
        except BrokenProcessPool as error:
            write_outcome(training.folder, replace(failed(error), failure="interrupted"))
        else:
            self._idle.append(process)


def _begin(directory: Path, at_a_time: int, parent: int) -> None:
    """Make this process one of a tail's: it ends with its parent, prints to the log and has its share of the cores."""
    end_with(parent, signal.SIGKILL)
    with (directory / LOG).open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    share_cores(at_a_time)


_opened = cache(Run.open)
"""The run, opened once a process."""


def _train(directory: Path, content: dict[str, Any]) -> None:
    run = _opened(directory)
    Training.from_json(run, content).train(run)
