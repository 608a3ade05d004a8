"""What ``nasplus search`` can search for: each task is named by the option that gives its data."""

from __future__ import annotations

from collections.abc import Iterable

from nni_nasplus import registry
from nni_nasplus.cli.tasks.base import Task
from nni_nasplus.errors import UserError

__all__ = ["Task", "task_class", "task_names"]


def task_names() -> list[str]:
    """The installed tasks, each by the option that gives its data."""
    return registry.available("tasks")


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
        raise UserError(f"name your data: {known}")
    if len(given) > 1:
        raise UserError(f"--{given[0]} and --{given[1]} are two tasks; search for one at a time")
    kind: type[Task] = registry.load("tasks", given[0])
    return kind
