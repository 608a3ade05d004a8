"""What ``nasplus search`` can search for: each task is named by the option that gives its data."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from nni_nasplus.cli.tasks.base import Task
from nni_nasplus.errors import UserError

__all__ = ["TASKS", "Task", "task_class"]

TASKS = {"events": "EventTask", "images": "ImageTask", "text": "TextTask"}
"""The class, in the module of that name, by the option."""


def task_class(options: Iterable[str]) -> type[Task]:
    """The task whose data are among the options given.

    Raises
    ------
    UserError
        If there are none, or those of two.
    """
    given = [name for name in TASKS if name in options]
    if not given:
        raise UserError(
            "name your data: --events and --labels for tables of events, --text for a text, --images for images"
        )
    if len(given) > 1:
        raise UserError(f"--{given[0]} and --{given[1]} are two tasks; search for one at a time")
    return getattr(import_module(f"nni_nasplus.cli.tasks.{given[0]}"), TASKS[given[0]])
