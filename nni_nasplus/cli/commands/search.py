"""``nasplus search``: prepare the data, run the experiment, report."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time as clock
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jsonargparse import Namespace

from nni_nasplus.cli.help import CommandParser
from nni_nasplus.cli.surroundings import live_within
from nni_nasplus.cli.switches import gathered, switched, underscored
from nni_nasplus.cli.tasks import Task, named_task, task_class, task_names
from nni_nasplus.errors import UserError
from nni_nasplus.run.completed import completed
from nni_nasplus.run.settings import Settings, listed

if TYPE_CHECKING:
    from nni_nasplus.run.learning import Earlier
    from nni_nasplus.run.run import Run

__all__ = ["parsed", "run", "search"]

_KNOWN_LATER = ("space", "evaluator", "study", "objective", "direction")
"""Settings that the task and the directory decide; of some the task has options by the same names."""


def run(arguments: list[str]) -> None:
    """Parse the options of the task whose data are named, and those of every search."""
    search(*parsed(arguments))


def parsed(arguments: Sequence[str]) -> tuple[Task, Settings, str | None]:
    """The task, how to search, and the directory to keep everything in.

    Raises
    ------
    UserError, argparse.ArgumentError
        If an option is missing, unknown, wrong, or another task's.
    """
    arguments = [underscored(argument) for argument in arguments]
    given = _given(arguments)
    kind = named_task(given["task"]) if given.get("task") else task_class(given)
    for other in task_names():
        _refuse(given, kind, task_class([other]))
    parser = CommandParser("search", _described(kind))
    parser.add_argument("--config", action="config", help="a YAML file of these options")
    parser.add_argument(
        "--task", type=str | None, help="superresolution; or data of your own kind: its Task, my_package.tasks:MyTask"
    )
    parser.add_class_arguments(kind, None)
    parser.add_class_arguments(Settings, None, skip=set(_KNOWN_LATER))
    parser.add_argument("--out", type=str | None, help="the directory to keep everything in; by default below runs/")
    found = parser.parse_args(switched(gathered(arguments, "learn_from"), kind, Settings))
    task = kind(**{name: found[name] for name in _names(kind)} | _score(listed(found.objectives), given, found))
    return task, Settings(**{name: found[name] for name in _names(Settings)}), found.out


def _score(objectives: Sequence[str], given: Collection[str], found: Namespace) -> dict[str, str]:
    """The first of several objectives as the task's own."""
    if objectives and "objective" in given and found.objective != objectives[0]:
        raise UserError(f"--objective is {found.objective}, --objectives begins with {objectives[0]}; leave one out")
    return {"objective": objectives[0]} if objectives else {}


def _names(options: type) -> list[str]:
    skipped = _KNOWN_LATER if options is Settings else ()
    return [field.name for field in fields(options) if field.name not in skipped]


def _described(kind: type[Task]) -> str:
    others = [f"nasplus search --{name} … --help" for name in task_names() if task_class([name]) is not kind]
    return f"{(kind.__doc__ or '').partition('.')[0]}. Other data: {', '.join(others)}"


def _given(arguments: Sequence[str]) -> dict[str, Any]:
    """The options by name, in the configuration too; the values of lists and switches are not looked at."""
    given: dict[str, Any] = {}
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            given[name.partition(".")[0]] = value if equals else following
            if name == "config" and given[name]:
                given = {**_configured(given[name]), **given}
    if "help" in given and not given.keys() & {"task", *task_names()}:
        given[task_names()[0]] = ""
    return given


def _configured(path: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"--config {path} cannot be read: {error}") from None
    return content if isinstance(content, dict) else {}


def _refuse(given: Iterable[str], kind: type[Task], other: type[Task]) -> None:
    known = {*_names(kind), *_names(Settings)}
    if wrong := [name for name in given if name in _names(other) and name not in known]:
        raise UserError(f"--{wrong[0]} has no effect on {kind.noun}; leave it out")


def search(task: Task, settings: Settings, out: str | None = None) -> Run | None:
    """Prepare, search and report; in a dry run only prepare, and keep nothing.

    Parameters
    ----------
    out
        The directory to keep everything in; by default a new one under runs/.
    """
    task.look()
    from nni_nasplus.cli.running import finish  # takes seconds, after which nobody wants to read of a mistyped column
    from nni_nasplus.networks.costs.smallest import require_reachable
    from nni_nasplus.registry import described
    from nni_nasplus.run.learning import carried, earlier_searches, joined
    from nni_nasplus.run.run import CACHE, Run

    directory = Path(out or f"runs/{clock.strftime('%Y%m%d-%H%M%S')}").resolve()
    task.check(settings.expected_trials)
    settings.check()
    Run.require_free(directory)
    if task.dry_run:
        with tempfile.TemporaryDirectory(prefix="nasplus-") as folder:
            task.prepare(Path(folder) / CACHE, settings.seed, settings.expected_trials)
        return None
    earlier = earlier_searches(settings.learn_from, directory)
    live_within(directory)
    sizes, evaluator = task.prepare(directory / CACHE, settings.seed, settings.expected_trials)
    try:
        if counted := replace(settings.limits, max_latency_ms=None):
            require_reachable(task.space_class()(**sizes), counted)
        settings = completed(settings, described(task.space_class(), sizes), evaluator)
        earlier = carried(earlier, settings.space)
        run = Run.create(directory, settings, joined(earlier))
    except UserError:
        shutil.rmtree(directory / CACHE)
        raise
    _say_earlier(settings, earlier)
    finish(run)
    return run


def _say_earlier(settings: Settings, earlier: Sequence[Earlier]) -> None:
    """What the search learns from, a line each."""
    for one in earlier:
        sys.stdout.write(f"learns from {one.note}\n")
    if settings.learn_from in ("auto", ["auto"]) and not earlier:
        sys.stdout.write("learns from nothing: no finished search of the same space stands beside this one\n")
