"""Hyperparameters as decisions: what sizes and training are tuned together with the architecture.

They join the decisions of a space of networks, so that every strategy, host and journal carries them. Those that the
space knows as its own arguments shape the network; the evaluator takes those that it knows as its own fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, Choice, SearchSpace

__all__ = ["Hyperparameters", "around", "parted", "tuned", "written"]

Hyperparameters = Mapping[str, Sequence[Choice]]
"""Choices by name; the first is the one of an architecture whose notation names none."""

_DIGITS = 3
"""Of a learning rate, as people write it."""
_CHOSEN = re.compile(r"\s+(\w+)=([^\s()\[\]]+)\s*$")
"""Brackets are of notations that have names and values themselves, as published ones of DARTS."""


def tuned(space: SearchSpace, hyperparameters: Hyperparameters) -> SearchSpace:
    """The decisions of a space, then the hyperparameters, each of which always counts.

    Raises
    ------
    UserError
        If a hyperparameter has the name of a decision, or has no or repeated choices.
    """
    if taken := [name for name in hyperparameters if name in space.decisions]:
        raise UserError(f"hyperparameter '{taken[0]}' has the name of a decision of the space; leave it out")
    return SearchSpace({**space.decisions, **hyperparameters}, space.conditions)


def around(rate: float) -> list[Any]:
    """A learning rate, half of it and twice as much: what is tried of one that fits the data roughly."""
    return [rate, *(float(f"{share * rate:.{_DIGITS}g}") for share in (0.5, 2))]


def written(notation: str, architecture: Mapping[str, Any], hyperparameters: Hyperparameters) -> str:
    """A notation followed by those choices that are not the first, as in ``01|1|gc||00 learning_rate=0.01``."""
    changed = [name for name, choices in hyperparameters.items() if architecture[name] != choices[0]]
    return " ".join([notation, *(f"{name}={architecture[name]}" for name in changed)])


def parted(text: str, hyperparameters: Hyperparameters) -> tuple[str, Architecture]:
    """The notation in a text of :func:`written`, and the choices: the first of those that it does not name.

    Raises
    ------
    UserError
        If a choice is none of its choices, or it names none of the hyperparameters.
    """
    chosen: Architecture = {}
    while found := _CHOSEN.search(text):
        name, value = found.groups()
        chosen[name] = _choice(name, value, hyperparameters)
        text = text[: found.start()]
    return text, {name: chosen.get(name, choices[0]) for name, choices in hyperparameters.items()}


def _choice(name: str, text: str, hyperparameters: Hyperparameters) -> Choice:
    if name not in hyperparameters:
        known = f"its hyperparameters: {', '.join(hyperparameters)}" if hyperparameters else "it has none"
        raise UserError(f"'{name}={text}' is no hyperparameter of the space; {known}")
    for choice in hyperparameters[name]:
        if str(choice) == text:
            return choice
    raise UserError(f"{name} is {text!r}; allowed: {', '.join(map(str, hyperparameters[name]))}")
