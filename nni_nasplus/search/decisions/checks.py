"""What is refused of decisions and their conditions, with the remedy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nni_nasplus.errors import UserError

__all__ = ["listed", "require_consistent", "require_decisions"]

_Choices = Mapping[str, Sequence[Any]]


def require_decisions(architecture: Any) -> None:
    """Raise :class:`UserError` if something that a file holds is no choices by decision."""
    if not isinstance(architecture, Mapping):
        raise UserError(f"{architecture!r} is no architecture; write it as an object of choices by decision")


def require_consistent(decisions: _Choices, conditions: Mapping[str, _Choices]) -> None:
    """Raise :class:`UserError` if decisions cannot be made, or their conditions name what does not come before them."""
    for name in conditions:
        if name not in decisions:
            raise UserError(f"condition on unknown decision '{name}'; decisions: {listed(decisions)}")
    known: dict[str, Sequence[Any]] = {}
    for name, choices in decisions.items():
        _require_choices(name, choices)
        _require_known(name, conditions.get(name, {}), known)
        known[name] = choices


def listed(values: Iterable[Any]) -> str:
    """Values as errors name them."""
    return ", ".join(map(str, values))


def _require_choices(name: str, choices: Sequence[Any]) -> None:
    if not choices:
        raise UserError(f"decision '{name}' has no choices; give it at least one")
    if any(not isinstance(c, (str, int, float, bool)) for c in choices):
        raise UserError(f"decision '{name}' has a choice that is not a str, int, float or bool")
    if any(isinstance(c, float) and not math.isfinite(c) for c in choices):
        raise UserError(f"decision '{name}' has a choice that is NaN or infinite; leave it out")
    if len(set(choices)) < len(choices):
        raise UserError(f"decision '{name}' repeats a choice: {listed(choices)}")


def _require_known(name: str, parents: _Choices, known: _Choices) -> None:
    for parent, allowed in parents.items():
        if parent not in known:
            raise UserError(f"condition of '{name}' names '{parent}', which is no earlier decision")
        if unknown := [c for c in allowed if c not in known[parent]]:
            raise UserError(f"condition of '{name}' names {parent}={unknown[0]!r}; allowed: {listed(known[parent])}")
