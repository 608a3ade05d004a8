"""Searches whose trials note the epochs that they begin, to be killed: ``python killed_searches.py RUN PORT`` goes on.

Whatever is killed, and on whatever host, what has come of a search in the end is checked by :func:`require_unharmed`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

if __name__ == "__main__":
    from nni_nasplus._signals import end_with_a_line

    end_with_a_line()  # as the command does, for what follows takes long to import

import numpy as np
import psutil
from nni_server import free_port
from processes import PythonProcess, run_python
from pytorch_lightning.callbacks import Checkpoint

from nni_nasplus.cli import main
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.registry import described
from nni_nasplus.run.completed import completed
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.journal import JOURNAL
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification

EPOCHS, TRIALS = 9, 6
LOG = "epochs.log"
Living = dict[str, psutil.Process]
"""The living processes of a search by their name."""


class Noting(Checkpoint):
    """Notes each epoch as it begins, once what it begins with is kept, and makes it last for so many seconds.

    It is a Lightning ``Checkpoint`` because those come last.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder, self.seconds = folder, seconds

    def on_train_epoch_start(self, trainer, pl_module):
        with (self.folder.parents[1] / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{self.folder.name} {trainer.current_epoch + 1} {os.getpid()}\n")

    def on_train_batch_end(self, trainer, *arguments):
        time.sleep(self.seconds / trainer.num_training_batches)


@dataclass(frozen=True)
class Noted(EventClassification):
    """Trains as ever, and notes it."""

    _: KW_ONLY
    seconds: float = 0.0

    def _trainer(self, directory, reporter, callbacks, **options):
        return super()._trainer(directory, reporter, [*callbacks, Noting(directory, self.seconds)], **options)


def create(
    directory: Path, cache: Path, host: str, *, seed: int = 0, seconds: float = 0.0, concurrency: int = 1
) -> Run:
    """A search of six architectures, of a seed the same on every host, with rungs at 1, 3 and 9 epochs."""
    evaluator = Noted(str(cache), epochs=EPOCHS, patience=None, batch_size=64, seconds=seconds)
    sizes = {**EventDataModule(cache).shape.to_json(), "hidden": 32}
    rng, space = np.random.default_rng(seed), EventSequenceSpace(**sizes)
    drawn = [space.genotype(space.search_space.sample(rng)) for _ in range(TRIALS)]
    settings = {"trials": TRIALS, "budget": "asha", "seed": seed, "concurrency": concurrency, "initial": drawn}
    wanted = completed(
        Settings(strategy="random", host=host, **settings), described(EventSequenceSpace, sizes), evaluator
    )
    wanted.evaluator["class_path"] = "killed_searches.Noted"
    return Run.create(directory, wanted)


def going_on(run: Run) -> subprocess.Popen:
    arguments = [__file__, run.directory, free_port()]
    return PythonProcess(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def told(run: Run) -> Counter[tuple[int, int | None]]:
    """How often each rung's result of each trial is in the journal."""
    lines = [json.loads(line) for line in (run.directory / JOURNAL).read_text(encoding="utf-8").splitlines()]
    return Counter((line["number"], line.get("epochs")) for line in lines if line["event"] == "tell")


def begun(run: Run) -> list[tuple[str, int, int]]:
    """The trial's folder, the number and the process of each epoch that has begun, in order."""
    log = run.directory / LOG
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    return [(key, int(epoch), int(process)) for key, epoch, process in map(str.split, lines)]


def kill_again_and_again(
    run: Run, parts: Callable[[Run, subprocess.Popen], Living], kills: int, rng: np.random.Generator
) -> Counter[str]:
    """Go on with a search until so many of its parts were killed, each at a random moment, or it is complete.

    A process that trains an architecture is killed once: what is killed in training again and again has failed, for
    nobody knows that it is not its own fault.

    Parameters
    ----------
    parts
        What lives of a search beside its main process and the one that trains.

    Returns
    -------
    How often each part was killed.
    """
    killed: Counter[str] = Counter()
    spared: set[str] = set()
    while killed.total() < kills:
        main = going_on(run)
        while killed.total() < kills and _is_there(main, _moment(run, main, rng)):
            with contextlib.suppress(psutil.NoSuchProcess):
                found = {"main": psutil.Process(main.pid), **parts(run, main), **_trainer(run)}
                trains = {process: key for key, _, process in begun(run) if process != main.pid}
                victims = [name for name, process in found.items() if trains.get(process.pid) not in spared]
                part = str(rng.choice(sorted(victims)))
                found[part].kill()
                killed[part] += 1
                spared |= {trains[pid] for pid in [found[part].pid] if pid in trains}
        main.wait(timeout=900)
        stop(run)
        out, _ = main.communicate(timeout=60)  # what it has left behind had its pipe, too
        assert "Traceback" not in out, out
        if main.returncode == 0:
            break
    return killed


def _moment(run: Run, main: subprocess.Popen, rng: np.random.Generator) -> float:
    """In how many seconds something is killed: while the search starts, or some epochs after another one has begun."""
    if rng.random() < 0.15:
        return rng.uniform(0, 10)
    known, deadline = len(begun(run)), time.monotonic() + 600
    while main.poll() is None and len(begun(run)) == known and time.monotonic() < deadline:
        time.sleep(0.05)
    return rng.uniform(0, 3)


def _is_there(main: subprocess.Popen, after_s: float) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        main.wait(after_s)
    return main.poll() is None


def _trainer(run: Run) -> Living:
    """The process that has begun the latest epoch, if it lives."""
    epochs = begun(run)
    return {"trial": psutil.Process(epochs[-1][2])} if epochs and psutil.pid_exists(epochs[-1][2]) else {}


def stop(run: Run) -> None:
    """End what the killed search has left behind."""
    run_python(["-m", "nni_nasplus", "stop", run.directory], check=True)


def require_unharmed(run: Run, whole: Run, interrupted: int) -> None:
    """A search that was killed has each result once, as one that was not has it, and has trained hardly more.

    Parameters
    ----------
    whole
        The same search on any host, in which nothing was killed.
    interrupted
        How many trainings were ended in an epoch: each of them repeats that one.
    """
    history = run.history()
    assert run.settings.are_met(history)
    assert [trial.status for trial in history.trials] == ["done"] * TRIALS
    assert set(told(run).values()) == {1}
    assert set(told(run)) == {(trial.number, epochs) for trial in history.trials for epochs in trial.curve}
    assert history.best[0].reached == EPOCHS
    assert not history.pending
    epochs, key = Counter(f"{key} {epoch}" for key, epoch, _ in begun(run)), history.space.key
    expected = {f"{key(t.architecture)} {epoch + 1}" for t in history.trials for epoch in range(t.reached)}
    assert set(epochs) == expected
    assert sum(epochs.values()) - len(epochs) <= interrupted
    curves = {key(trial.architecture): trial.curve for trial in whole.history().trials}
    for trial in history.trials:
        curve = curves[key(trial.architecture)]
        both = set(curve) & set(trial.curve)
        assert {rung: trial.curve[rung] for rung in both} == {rung: curve[rung] for rung in both}


if __name__ == "__main__":
    from nni_nasplus.cli import running
    from nni_nasplus.cli.commands import resume

    resume.finish = running.complete
    main(["resume", sys.argv[1], "--port", sys.argv[2]])
