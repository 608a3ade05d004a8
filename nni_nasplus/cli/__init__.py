"""The ``nasplus`` command."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, TextIO

from nni_nasplus import __version__
from nni_nasplus._signals import exit_code, last_line, stoppable
from nni_nasplus.cli import surroundings
from nni_nasplus.cli.help import CommandParser
from nni_nasplus.cli.streams import flushed, one_line, open_closed_streams, say
from nni_nasplus.cli.switches import switched, underscored
from nni_nasplus.errors import UserError

__all__ = ["main"]

COMMANDS = {
    "demo": "search on Complete Journey, households' transactions",
    "search": "search an architecture for your tables, texts or images",
    "resume": "go on with a search that was interrupted, or with more trials",
    "stop": "end a search that still runs; what had finished is kept",
    "work": "train trials of an Optuna search beside its own workers, from this machine",
    "ui": "open a search in the browser: its report, live, and NNI's web UI",
    "report": "a search as one page of HTML, to look at, keep and mail",
    "show": "the trials and the result of a search, and the winner drawn",
    "export": "the winner as files that score new data",
    "predict": "score new data with an exported network",
    "pick": "the best network for a budget, out of a supernet that was trained once",
    "quantise": "a found network whose layers have fewer bits",
    "bench": "would another strategy have been faster on a search of yours?",
    "describe": "an architecture: notation, parameters, operations, drawing",
    "score": "rank architectures without training them",
    "register": "make the strategies known to nnictl by name",
    "nnictl": "NNI's nnictl, with managers that are right, quick and listen on this machine only",
}

_FOLDERS = {"register": "nni.", "nnictl": "nni.", "quantise": "models.", "pick": "models."}
"""Of commands that are not in ``commands/`` itself."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; exit code 2 and one line on stderr for bad input, and for what the system refuses.

    Without arguments it is the process's own command, after which nothing comes.
    """
    is_last = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    open_closed_streams()
    surroundings.settle()
    warnings.showwarning = _show_warning
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        with one_line(), flushed():
            command = _command(arguments)
            with stoppable(last=is_last):
                command()
    except KeyboardInterrupt:
        code = exit_code()
        say(last_line(code))
        sys.exit(code)


def _command(arguments: Sequence[str]) -> Callable[[], None]:
    """What is asked for; all that takes long to import is imported."""
    if not arguments or arguments[0] in ("-h", "--help"):
        return _help
    if arguments[0] == "--version":
        return _version
    name, *rest = arguments
    if name not in COMMANDS:
        raise UserError(f"unknown command '{name}'; commands: {', '.join(COMMANDS)}")
    module = import_module(f"nni_nasplus.cli.commands.{_FOLDERS.get(name, '')}{name}")
    return partial(_run, name, module, [underscored(argument) for argument in rest])


def _run(command: str, module: ModuleType, arguments: list[str]) -> None:
    if hasattr(module, "run"):
        module.run(arguments)
        return
    function: Callable[..., Any] = getattr(module, command)
    parser = CommandParser(command, COMMANDS[command])
    parser.add_argument("--config", action="config", help="a YAML file of these options")
    names = parser.add_function_arguments(function, as_positional=True)
    options = parser.parse_args(switched(arguments, function))
    function(**{name: options[name] for name in names})


def _help() -> None:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    usage = "usage: nasplus COMMAND [options]   (nasplus COMMAND --help for the options; nasplus --version)"
    sys.stdout.write("\n".join([usage, "", *lines, ""]))


def _version() -> None:
    sys.stdout.write(f"nasplus {__version__}\n")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Warnings for users as one line; those for developers not at all."""
    if issubclass(category, UserWarning):
        say(f"nasplus: warning: {' '.join(str(message).split())}\n")
