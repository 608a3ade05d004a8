"""A search in a directory, begun, gone on with or done already, and what it has found."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from nni_nasplus._files import require_writable
from nni_nasplus.errors import UserError
from nni_nasplus.estimators.undisturbed import undisturbed
from nni_nasplus.hosts.running import complete
from nni_nasplus.run.completed import completed
from nni_nasplus.run.learning import carried, earlier_searches, joined
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import CACHE, SETTINGS, Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.tail.tail import run_tail
from nni_nasplus.training.evaluator import Evaluator

__all__ = ["Found", "Prepare", "search"]

Prepare = Callable[[Path], tuple[dict[str, Any], Evaluator]]
"""Writes the data into a new folder, or finds them there; gives the described space, and the evaluator."""
_MAY_CHANGE = ("bind", "concurrency", "learn_from", "max_failures", "minutes", "port", "study", "trials")
"""Settings of which no proposal and no result depends once it has begun, so that a search may go on with others."""
_OF_THE_START = ("learn_from", "study")
"""Those that stay as they were."""


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Parameters
    ----------
    model
        What answers for new data.
    history
        A row a trial, by its number: architecture, origin, status, score, reason, and its metrics.
    genotype
        The best architecture.
    """

    model: Model
    history: pd.DataFrame
    genotype: str

    @classmethod
    def of(cls, run: Run) -> Found:
        """What a run has found; UserError with the reasons if no trial succeeded."""
        history = run.history()
        if not history.best:
            raise UserError(f"no trial succeeded: {'; '.join(history.reasons)}")
        return cls(Model.of(run), _table(run), run.space.genotype(history.best[0].architecture))


def search(out: str | Path | None, settings: Settings, prepare: Prepare, *, verbose: bool) -> Found:
    """Search in a directory, or go on where an earlier call has stopped.

    Parameters
    ----------
    out
        The directory; where None, a temporary one, of which nothing is left.
    settings
        All of them but those that are known when the data are prepared.
    prepare
        Prepares the data.
    verbose
        Whether to show on standard error how the search goes.

    Raises
    ------
    UserError
        If the directory holds a search of other data or settings, the search cannot go on, or no trial succeeds.
    """
    settings.check()
    with undisturbed(), _directory(out) as directory:
        run = _run(directory, settings, prepare)
        console = Console(file=sys.stderr, quiet=not verbose)
        is_longer = complete(run, console, is_kept=out is not None)
        if run.history().best and (is_longer or run.selected() is None):
            with console.status("the tail of the search") as status:
                run_tail(run, status.update)
        return Found.of(run)


@contextmanager
def _directory(out: str | Path | None) -> Iterator[Path]:
    if out is not None:
        yield Path(out).expanduser().resolve()
        return
    with tempfile.TemporaryDirectory(prefix="nasplus-") as folder:
        yield Path(folder).resolve()


def _run(directory: Path, settings: Settings, prepare: Prepare) -> Run:
    is_known = (directory / SETTINGS).exists()
    if is_known:
        Run.open(directory).require_whole()
    else:
        Run.require_free(directory)
        require_writable(directory)
    earlier = [] if is_known else earlier_searches(settings.learn_from, directory)
    space, evaluator = prepare(directory / CACHE)
    try:
        settings = completed(settings, space, evaluator)
        if is_known:
            return _going_on(Run.open(directory), settings)
        return Run.create(directory, settings, joined(carried(earlier, settings.space)))
    except UserError:
        if not is_known:
            shutil.rmtree(directory / CACHE)
        raise


def _going_on(run: Run, settings: Settings) -> Run:
    """The run of an earlier call with those settings that may change.

    Raises
    ------
    UserError
        If others have changed, or it has more trials.
    """
    before, now = _comparable(run.settings), _comparable(settings)
    known = [*now, *(name for name in before if name not in now)]
    if other := [name for name in known if name not in _MAY_CHANGE and now.get(name) != before.get(name)]:
        names = ", ".join(f"--{name}" for name in other)
        raise UserError(f"{run.directory} holds a search with other {names}; name another directory with --out")
    finished = len(run.history().finished) if run.has_trials else 0
    if settings.most_trials < finished:
        raise UserError(f"--trials is {settings.trials} and {finished} have finished; use {finished} or more")
    return run.with_settings(**{name: getattr(settings, name) for name in _MAY_CHANGE if name not in _OF_THE_START})


def _comparable(settings: Settings) -> dict[str, Any]:
    """The settings as JSON values, with each argument of the evaluator and the space by its own name."""
    content = json.loads(json.dumps(settings.to_json()))
    arguments = [content.pop(name) for name in ("space", "evaluator")]
    for argument in arguments:
        content |= {argument["class_path"]: "", **argument["init_args"]}
    return content


def _table(run: Run) -> pd.DataFrame:
    rows = [
        {
            "architecture": run.space.genotype(trial.architecture),
            "origin": trial.origin,
            "status": trial.status,
            "score": trial.score,
            "reason": trial.reason,
            **trial.metrics,
        }
        for trial in run.history().trials
    ]
    return pd.DataFrame(rows, index=pd.RangeIndex(len(rows), name="trial"))
