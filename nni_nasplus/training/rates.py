"""The rates of training that everybody sets."""

from __future__ import annotations

from typing import Any

from nni_nasplus.errors import UserError

__all__ = ["require_rates"]


def require_rates(evaluator: Any, *, above: tuple[str, ...] = ()) -> None:
    """Raise :class:`UserError` if the learning rate or the weight decay is below 0, or 0 where it must be above."""
    for name in ("learning_rate", "weight_decay"):
        value = getattr(evaluator, name)
        if not isinstance(value, int | float) or value < 0 or (value == 0 and name in above):
            raise UserError(f"{name} is {value!r}; use {'more than 0' if name in above else '0 or more'}")
