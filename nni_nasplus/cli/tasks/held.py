"""What is searched and what is held: ``--fix``, and options of hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Choice

__all__ = ["choices", "held", "pairs"]


def choices(
    kind: Any,
    name: str,
    learning_rate: float,
    options: Mapping[str, Any],
    *,
    tune: bool | None,
    usually: bool,
    fix: Sequence[str] | str,
) -> dict[str, Any]:
    """The arguments of a space that say what of the training is searched, and what is held; none where nothing is.

    Parameters
    ----------
    kind, name
        The space.
    learning_rate
        What fits the training roughly.
    options
        As of :func:`held`; those of hyperparameters that the space does not have are left alone.
    tune
        Whether the training is searched; otherwise only what is held is a decision, of one choice.
    usually
        Whether it is where ``tune`` is None.
    fix
        The option --fix.

    Raises
    ------
    UserError
        If the space has no hyperparameters to search or hold, one is held twice, or --fix cannot be read.
    """
    if not hasattr(kind, "recommended"):
        if useless := [option for option, asked in (("fix", fix), ("tune", tune)) if asked]:
            raise UserError(f"--{useless[0]} has no effect on space '{name}'; leave it out")
        return {}
    searched = kind.recommended(learning_rate)["hyperparameters"]
    given = {name: value for name, value in options.items() if name in searched and value is not None}
    if not (usually if tune is None else tune):
        searched = {name: values for name, values in searched.items() if name in {*pairs(fix), *given}}
    return {name: values for name, values in held(searched, given, fix).items() if values}


def pairs(fix: Sequence[str] | str) -> dict[str, Choice]:
    """The values by name of --fix.

    Raises
    ------
    UserError
        If a part of it is no decision and its choice.
    """
    found = {}
    for text in [fix] if isinstance(fix, str) else fix:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not name or not equals or not value:
            raise UserError(f"--fix is {text!r}; write a decision and its choice, as in --fix learning_rate=0.003")
        found[name] = yaml.safe_load(value)
    return found


def held(
    hyperparameters: Mapping[str, Sequence[Choice]], options: Mapping[str, Any], fix: Sequence[str] | str
) -> dict[str, Any]:
    """The arguments of a space that hold what options and --fix name; a hyperparameter may be held at any value.

    Parameters
    ----------
    hyperparameters
        All choices by name.
    options
        The values of hyperparameters that have options of their own; None where such is not given.
    fix
        The option --fix.

    Raises
    ------
    UserError
        If one is held twice, or --fix cannot be read.
    """
    given, fixed = {name: value for name, value in options.items() if value is not None}, pairs(fix)
    if twice := [name for name in given if name in fixed]:
        raise UserError(f"--{twice[0]} and --fix both hold {twice[0]}; leave one of them out")
    values = {**given, **fixed}
    choices = {name: [values[name]] if name in values else choices for name, choices in hyperparameters.items()}
    return {
        "hyperparameters": choices,
        "fixed": {name: value for name, value in values.items() if name not in choices},
    }
