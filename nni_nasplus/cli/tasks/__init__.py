"""What ``nasplus search`` can search for: each task is named by the option that gives its data."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from nni_nasplus import registry
from nni_nasplus.cli.tasks.base import Task
from nni_nasplus.errors import UserError

__all__ = ["Task", "named_task", "task_class", "task_names"]


def task_names() -> list[str]:
    """The installed tasks, each by the option that gives its data."""
    return [name for name in registry.available("tasks") if not registry.load("tasks", name).by_name]


def task_class(options: Iterable[str]) -> type[Task]:
    """The task whose data are among the options given.

    Raises
    ------
    UserError
        If there are none, or those of two.
    """
    given = [name for name in task_names() if name in options]
    if not given:
        known = ", ".join(f"--{name} for {registry.load('tasks', name).noun}" for name in task_names())
        raise UserError(f"name your data: {known}, --task my_package:MyTask for data of your own kind")
    if len(given) > 1:
        raise UserError(f"--{given[0]} and --{given[1]} are two tasks; search for one at a time")
    kind: type[Task] = registry.load("tasks", given[0])
    return kind


def named_task(path: str) -> type[Task]:
    """The installed task of a name, or that of a path such as ``my_package.tasks:MyTask``.

    Raises
    ------
    UserError
        If there is none, or its module cannot be imported.
    """
    if path in registry.available("tasks"):
        known: type[Task] = registry.load("tasks", path)
        return known
    module, _, name = path.partition(":")
    try:
        kind = getattr(import_module(module), name, None)
    except (ImportError, ValueError) as error:
        raise UserError(f"--task {path} cannot be imported ({error}); install its package, or set PYTHONPATH") from None
    if not (isinstance(kind, type) and issubclass(kind, Task)):
        raise UserError(f"--task {path} is no Task; name the class, as in my_package.tasks:MyTask")
    return kind
