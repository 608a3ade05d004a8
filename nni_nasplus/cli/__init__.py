"""The ``nasplus`` command."""

from __future__ import annotations

import logging
import signal
import sys
import warnings
from argparse import ArgumentError
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TextIO

from jsonargparse import ArgumentParser

from nni_nasplus._signals import exit_code, stoppable
from nni_nasplus.cli.switches import switched, underscored
from nni_nasplus.errors import UserError

__all__ = ["main"]

COMMANDS = {
    "demo": "search on Complete Journey, households' transactions",
    "search": "search an architecture for your tables, texts or images",
    "resume": "go on with a search that was interrupted, or with more trials",
    "stop": "end a search that still runs; what had finished is kept",
    "work": "train trials of an Optuna search beside its own workers, from this machine",
    "ui": "open a finished search in the web UI, and its architectures as a page",
    "show": "the trials and the result of a search, and the winner drawn",
    "export": "the winner as files that score new data",
    "predict": "score new data with an exported network",
    "bench": "would another strategy have been faster on a search of yours?",
    "describe": "an architecture: notation, parameters, operations, drawing",
    "score": "rank architectures without training them",
    "register": "make the strategies known to nnictl by name",
    "nnictl": "NNI's nnictl, with managers that are right, quick and listen on this machine only",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; exit code 2 and one line on stderr for bad input.

    Without arguments it is the process's own command, after which nothing comes.
    """
    is_last = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    warnings.showwarning = _show_warning
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    for chatty in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(f"{chatty}.utilities.rank_zero").setLevel(logging.WARNING)
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(_help())
        return
    try:
        with stoppable(last=is_last):
            _run(arguments[0], [underscored(a) for a in arguments[1:]])
    except (UserError, ArgumentError) as error:
        message = error.message if isinstance(error, ArgumentError) else str(error)
        sys.stderr.write(f"nasplus: error: {' '.join(message.split())}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        code = exit_code()
        how = "terminated" if code == 128 + signal.SIGTERM else "interrupted"
        sys.stderr.write(f"nasplus: {how}; what had finished is kept\n")
        sys.exit(code)


def _run(command: str, arguments: list[str]) -> None:
    if command not in COMMANDS:
        raise UserError(f"unknown command '{command}'; commands: {', '.join(COMMANDS)}")
    module = import_module(f"nni_nasplus.cli.commands.{command}")
    if hasattr(module, "run"):
        module.run(arguments)
        return
    function: Callable[..., Any] = getattr(module, command)
    parser = ArgumentParser(prog=f"nasplus {command}", description=COMMANDS[command], exit_on_error=False)
    parser.add_argument("--config", action="config", help="a YAML file of these options")
    names = parser.add_function_arguments(function, as_positional=True)
    options = parser.instantiate_classes(parser.parse_args(switched(arguments, function)))
    function(**{name: options[name] for name in names})


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "usage: nasplus COMMAND [options]   (nasplus COMMAND --help for the options)\n\n" + "\n".join(lines) + "\n"


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
        sys.stderr.write(f"nasplus: warning: {' '.join(str(message).split())}\n")
