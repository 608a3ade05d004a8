"""NNI's format of search spaces, as files hold it: ``{name: {"_type": "choice", "_value": […], "_when": …}}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    from nni.mutable import Mutable

__all__ = ["choices_in", "choices_of", "require_parameters", "written"]

_Choices = Mapping[str, Sequence[Any]]


def require_parameters(space: Any) -> None:
    """Raise ``UserError`` if something that a file holds is no parameters by name."""
    if not isinstance(space, Mapping) or not all(isinstance(parameter, Mapping) for parameter in space.values()):
        raise UserError(f"{space!r} is no search space; write {{name: {{_type: choice, _value: […]}}}}")


def choices_in(space: Mapping[str, Mapping[str, Any]]) -> tuple[_Choices, Mapping[str, _Choices], list[Any]]:
    """Decisions, conditions and initial architectures of parameters by name, not checked against each other.

    Raises
    ------
    UserError
        If a parameter is no ``choice``, or a part of it has another form.
    """
    for name, parameter in space.items():
        _require_choice(name, parameter)
    initial = next(iter(space.values()), {}).get("_initial", [])
    if not isinstance(initial, list):
        raise UserError(f"_initial is {initial!r}; write a list of architectures")
    decisions = {name: parameter["_value"] for name, parameter in space.items()}
    return decisions, {name: parameter.get("_when", {}) for name, parameter in space.items()}, initial


def choices_of(model_space: Mutable) -> tuple[_Choices, Mapping[str, _Choices] | None]:
    """Decisions of an NNI ``ModelSpace``, and conditions, if it has an attribute of that name.

    Raises
    ------
    UserError
        If a mutable is not a ``Categorical``.
    """
    from nni.mutable import Categorical

    decisions: dict[str, Sequence[Any]] = {}
    for label, mutable in model_space.simplify().items():
        if not isinstance(mutable, Categorical):
            kind = type(mutable).__name__
            raise UserError(f"mutable '{label}' is a {kind}; use nni.choice with scalar choices instead")
        decisions[label] = mutable.values
    return decisions, getattr(model_space, "conditions", None)


def written(
    decisions: _Choices, conditions: Mapping[str, _Choices], initial: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Parameters by name, as :func:`choices_in` reads them; ``initial`` is left at the first."""
    space: dict[str, dict[str, Any]] = {}
    for name, choices in decisions.items():
        space[name] = {"_type": "choice", "_value": list(choices)}
        if name in conditions:
            space[name]["_when"] = {parent: list(allowed) for parent, allowed in conditions[name].items()}
    if initial:
        next(iter(space.values()))["_initial"] = initial
    return space


def _require_choice(name: str, parameter: Mapping[str, Any]) -> None:
    if parameter.get("_type") != "choice" or not isinstance(parameter.get("_value"), list | tuple):
        raise UserError(f"parameter '{name}' is no choice; an architecture space has only _type: choice, _value: […]")
    when = parameter.get("_when", {})
    if not isinstance(when, Mapping) or not all(isinstance(allowed, list | tuple) for allowed in when.values()):
        raise UserError(f"_when of parameter '{name}' is {when!r}; write {{earlier parameter: [choice, …]}}")
