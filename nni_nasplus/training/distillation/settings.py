"""The settings of knowledge distillation: how a trial learns from the best architectures before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from nni_nasplus.errors import UserError

__all__ = ["Distillation"]


@dataclass(frozen=True)
class Distillation:
    """After ``n_skip`` finished trials, training follows the logits of the ``n_teachers`` best earlier architectures.

    The loss is ``(1 − weight) · loss + weight · mean over teachers of ½ · MSE(student logits, teacher logits)``, from
    SeqNAS (arXiv 2401.03246); or, with ``loss="kl"``, ``temperature² · KL(teacher ‖ student)`` of the probabilities at
    that temperature in place of ``½ · MSE`` (Hinton et al., arXiv 1503.02531).

    Parameters
    ----------
    weight
        The teachers' part of the loss, 0 to 1.
    n_teachers
        The most teachers of one trial.
    n_skip
        How many trials finish before the first one is distilled.
    loss
        ``"mse"`` or ``"kl"``.
    temperature
        Of ``"kl"``.
    max_bytes
        The most that the teachers' logits take on disk; the least useful are removed.

    Raises
    ------
    UserError
        If a value is out of range.
    """

    weight: float = 0.2
    n_teachers: int = 3
    n_skip: int = 30
    loss: Literal["mse", "kl"] = "mse"
    temperature: float = 2.0
    max_bytes: int = 2**30

    def __post_init__(self) -> None:
        for name, (fits, remedy) in _RULES.items():
            value = getattr(self, name)
            if not fits(value):
                raise UserError(f"distillation.{name} is {value!r}; use {remedy}")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Distillation:
        """The settings of a mapping, such as a JSON object.

        Raises
        ------
        UserError
            If there is no such setting, or its value is out of range.
        """
        known = [field.name for field in fields(cls)]
        if unknown := [name for name in options if name not in known]:
            raise UserError(f"distillation has no setting '{unknown[0]}'; its settings: {', '.join(known)}")
        return cls(**options)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "weight": (lambda value: _number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "n_teachers": (lambda value: _whole(value) and value >= 1, "a whole number, 1 or more"),
    "n_skip": (lambda value: _whole(value) and value >= 0, "a whole number, 0 or more"),
    "loss": (lambda value: value in ("mse", "kl"), "mse or kl"),
    "temperature": (lambda value: _number(value) and value > 0, "a number above 0"),
    "max_bytes": (lambda value: _whole(value) and value >= 1, "a whole number of bytes, 1 or more"),
}
