"""``nasplus search``: prepare the data, run the experiment, report."""

from __future__ import annotations

import shutil
import time as clock
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from nni_nasplus.cli.running import finish
from nni_nasplus.cli.switches import switched, underscored
from nni_nasplus.cli.tasks import TASKS, Task, task_class
from nni_nasplus.errors import UserError
from nni_nasplus.run.run import CACHE, Run, described, instantiate
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.space import Architecture

__all__ = ["parsed", "run", "search"]


def run(arguments: list[str]) -> None:
    """Parse the options of the task whose data are named, and those of every search."""
    search(*parsed(arguments))


def parsed(arguments: Sequence[str]) -> tuple[Task, Settings]:
    """The task and how to search.

    Raises
    ------
    UserError, argparse.ArgumentError
        If an option is missing, unknown, wrong, or another task's.
    """
    arguments = [underscored(argument) for argument in arguments]
    given = _given(arguments)
    kind = task_class(given)
    for other in TASKS:
        _refuse(given, kind, task_class([other]))
    parser = ArgumentParser(prog="nasplus search", description=_described(kind), exit_on_error=False)
    parser.add_argument("--config", action="config", help="a YAML file of these options")
    for options in (kind, Settings):
        parser.add_class_arguments(options, None)
    found = parser.parse_args(switched(arguments, kind, Settings))
    values = [{field.name: found[field.name] for field in fields(options)} for options in (kind, Settings)]  # type: ignore[arg-type]
    return kind(**values[0]), Settings(**values[1])


def _described(kind: type[Task]) -> str:
    others = [f"nasplus search --{name} … --help" for name in TASKS if task_class([name]) is not kind]
    return " Other data: ".join([f"{(kind.__doc__ or '').partition('.')[0]}.", *others])


def _given(arguments: Sequence[str]) -> list[str]:
    """The names of the options, in the configuration too."""
    names = [a[2:].partition("=")[0].partition(".")[0] for a in arguments if a.startswith("--")]
    if "help" in names and not set(names) & set(TASKS):
        names.append(next(iter(TASKS)))
    for place, argument in enumerate(arguments):
        if argument == "--config" and place + 1 < len(arguments):
            names += _configured(arguments[place + 1])
        elif argument.startswith("--config="):
            names += _configured(argument.partition("=")[2])
    return names


def _configured(path: str) -> list[str]:
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"--config {path} cannot be read: {error}") from None
    return list(content) if isinstance(content, dict) else []


def _refuse(given: Sequence[str], kind: type[Task], other: type[Task]) -> None:
    known = {field.name for options in (kind, Settings) for field in fields(options)}  # type: ignore[arg-type]
    theirs = [field.name for field in fields(other)]  # type: ignore[arg-type]
    if wrong := [name for name in given if name in theirs and name not in known]:
        raise UserError(f"--{wrong[0]} has no effect on {kind.noun}; leave it out")


def search(task: Task, settings: Settings) -> Run:
    """Prepare, search and report."""
    directory = Path(settings.out or f"runs/{clock.strftime('%Y%m%d-%H%M%S')}").resolve()
    task.check(settings.trials)
    settings.check()
    if settings.host != "optuna":
        from nni_nasplus.hosts.nni.experiment import require_idle

        require_idle(settings.port)
    Run.require_free(directory)
    sizes, evaluator = task.prepare(directory / CACHE, settings.seed, settings.trials)
    space = described(task.space_class(), sizes)
    try:
        starts = _starts(space, settings.starts)
    except UserError:
        shutil.rmtree(directory / CACHE)
        raise
    content: dict[str, Any] = {"space": space, "evaluator": described(type(evaluator), evaluator.init_args)}
    made = Run.create(directory, {**content, **settings.to_json(starts)})
    finish(made, settings.port, settings.bind)
    return made


def _starts(space: dict[str, Any], genotypes: Sequence[str] | str | None) -> list[Architecture] | None:
    if genotypes is None:
        return None
    from nni_nasplus.networks.network_space import NetworkSpace

    built = instantiate(space, NetworkSpace)
    return [built.parse_genotype(text) for text in ([genotypes] if isinstance(genotypes, str) else genotypes)]
