"""What is said of options: sentences for people, without the types of Python and the markup of its documentation."""

from __future__ import annotations

import re
from argparse import Action
from typing import Any

from jsonargparse import ArgumentParser, DefaultHelpFormatter

__all__ = ["CommandParser", "in_words"]

_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?([^`]*)`")
_TYPE, _DEFAULT = re.compile(r"(, )?type: %\(type\)s(, )?"), re.compile(r"(, )?default: %\(default\)s")

_WRONG = re.compile(
    r'Parser key "(?P<name>[^"]+)": (?P<expected>.*?)(Given value type.*)?G(iven|ot) value: (?P<value>.*)'
)
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}
_UNKNOWN = ("unrecognized arguments", "Option '")


def in_words(message: str) -> str:
    """What the parser has against an option, and what to do about it."""
    if message.startswith(_UNKNOWN):
        return f"{message}; the command says its options with --help"
    if (wrong := _WRONG.match(" ".join(message.split()))) is None:
        return message
    if choices := re.search(r"Literal\[(.*?)\]", wrong["expected"]):
        wanted = f"choose from {choices[1]}"
    elif kinds := [word for kind, word in _KINDS.items() if f"<class '{kind}'>" in wrong["expected"]]:
        wanted = f"use {' or '.join(kinds)}"
    else:
        return message
    return f"--{wrong['name']} is {wrong['value'].strip()!r}; {wanted}"


class _Words(DefaultHelpFormatter):
    """Says what an option does, whether it has to be given, and what it is otherwise."""

    def _get_help_string(self, action: Action) -> str:
        text = _TYPE.sub(lambda found: ", " if all(found.groups()) else "", super()._get_help_string(action))
        # Of nothing there is nothing to say.
        if action.default in (None, "", (), [], {}):
            text = _DEFAULT.sub("", text)
        return text.replace(" ()", "")


class CommandParser(ArgumentParser):
    """The parser of a command, which raises what is wrong instead of ending the process."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f"nasplus {command}", description=description, formatter_class=_Words, exit_on_error=False
        )

    def format_help(self, *arguments: Any, **options: Any) -> str:
        """The help as plain text."""
        return _ROLE.sub(r"\1", super().format_help(*arguments, **options)).replace("``", "")
