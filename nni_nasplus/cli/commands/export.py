"""``nasplus export``: what a search found as files that score new data."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from nni_nasplus._files import write_json
from nni_nasplus.errors import UserError
from nni_nasplus.run.directory.repeats import repeats_in
from nni_nasplus.run.model import SHOWN, Model
from nni_nasplus.run.run import Run
from nni_nasplus.search.earlier import memory_of

__all__ = ["export"]


def export(
    directory: str,
    *,
    to: str | None = None,
    memory: str | None = None,
    trial: int | None = None,
    single: bool = False,
    distil: bool = False,
    refit: bool = False,
    members: str = "all",
    onnx: bool = False,
) -> None:
    """Write the ensemble that the search selected, or one network, with all that it takes to score new data.

    Parameters
    ----------
    directory
        The directory given to --out of the search.
    to
        The directory to write; it must be new or empty.
    memory
        A .json file to write what the search has learned into, for --learn-from of others: architectures and their
        ranks, nothing of the data. With --to or without.
    trial
        The network of one trial.
    single
        The winner alone.
    distil
        One network of the winner's architecture that the ensemble teaches; it is trained now.
    refit
        Train what is written again, now, on training and validation data, for the epochs that were found.
    members
        What the ensemble may have for members: all that stands in the result; networks, those of the searched space
        alone; or a baseline by its name, which is then written alone.
    onnx
        Write model.onnx too (needs the onnx extra).
    """
    if to is None and memory is None:
        raise UserError("name a directory to write with --to, or a file with --memory")
    if to is None:
        _refuse_alone(trial=trial, single=single, distil=distil, refit=refit, onnx=onnx, members=members != "all")
    if memory is not None:
        _export_memory(Run.open(directory), Path(memory))
    if to is None:
        return
    if single + distil + (trial is not None) + (members != "all") > 1:
        raise UserError("--single, --distil, --trial and --members exclude each other; leave all but one out")
    if refit and distil:
        raise UserError("--refit and --distil exclude each other; leave one out")
    run, out = Run.open(directory), Path(to)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} exists and is not empty; name a new directory with --to")
    what = "winner" if single else _distilled(run) if distil else _known(run, members)
    if refit:
        trial, what = None, _refit(run, trial, what)
    model = Model.of(run, trial, what=what)
    model.save(out, onnx=onnx, beside=run.evaluator.side_by_side(model.network, "test", SHOWN))
    run.warn_of_edits()
    sys.stdout.write(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}\n")


def _refuse_alone(**given: Any) -> None:
    """UserError if something is asked for that goes into the directory of --to."""
    if wrong := [name for name, value in given.items() if value not in (None, False)]:
        raise UserError(f"--{wrong[0]} has no effect without --to; name a directory with --to")


def _export_memory(run: Run, path: Path) -> None:
    if path.suffix != ".json":
        raise UserError(f"--memory is {path}; end it in .json")
    history = run.history()
    history.repeats = repeats_in(run.directory)
    memory = memory_of({run.directory.name: history})
    write_json(path, memory.to_json())
    count = sum(map(len, memory.tasks.values()))
    sys.stdout.write(f"{path}: {count} architectures and their ranks\n")


def _known(run: Run, members: str) -> str:
    """The name of the selection; UserError where the run has none of that name."""
    if members == "all":
        return "ensemble"
    if run.selected(members) is None:
        raise UserError(
            f"--members is {members!r}; use all, or one of {', '.join(sorted(run.selections)) or 'none yet'}"
        )
    return members


def _distilled(run: Run) -> str:
    """The name of the selection, made now unless the run has it; its score is printed beside its teachers'."""
    from nni_nasplus.tail.distilled import DISTILLED, distil

    if run.selected(DISTILLED) is None:
        run.require_whole()
        with Console(file=sys.stderr).status("teaching one network what the ensemble says"), run.held("models"):
            distil(run)
    for name in ("ensemble", DISTILLED):
        found = run.selected(name)
        assert found is not None
        _say(run, name, found["test"])
    return DISTILLED


def _refit(run: Run, trial: int | None, what: str) -> str:
    """The name of the selection, made now unless the run has it; its score is printed beside that from before."""
    from nni_nasplus.tail.refitted import refit

    with Console(file=sys.stderr).status("training it again") as status:
        name = refit(run, trial, what=what, note=status.update)
    found = run.selected(name)
    assert found is not None
    _say(run, found["refit"]["name"], found["refit"]["test"])
    _say(run, name, found["test"])
    return name


def _say(run: Run, name: str, test: Mapping[str, Any]) -> None:
    sys.stdout.write(f"{name}: test {run.settings.objective} {test['test']:.4f}\n")
