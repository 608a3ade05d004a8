"""How a recurrent language model is kept from over-fitting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from nni_nasplus.errors import UserError

__all__ = ["Regularisation"]


@dataclass(frozen=True)
class Regularisation:
    """Rates of dropout in [0, 1), as NAS-Bench-NLP trains (arXiv 2006.07116), after AWD-LSTM (arXiv 1708.02182).

    Raises
    ------
    UserError
        If a rate is outside [0, 1).
    """

    embedding: float = 0.1
    """Of whole words of the vocabulary."""
    input: float = 0.4
    """Of the first layer's input, the same units at all steps."""
    hidden: float = 0.25
    """Between layers, the same units at all steps."""
    output: float = 0.4
    """Of the last layer's output, the same units at all steps."""
    weight: float = 0.5
    """Of the entries of the recurrent weights, the same at all steps."""

    def __post_init__(self) -> None:
        for field in fields(self):
            rate = getattr(self, field.name)
            if not 0 <= rate < 1:
                raise UserError(f"the {field.name} dropout is {rate}; use 0 or more and less than 1")

    @classmethod
    def of(cls, rates: Mapping[str, Any]) -> Regularisation:
        """From rates by name; :class:`UserError` if there is no such rate, or it is no number."""
        known = [field.name for field in fields(cls)]
        if unknown := [name for name in rates if name not in known]:
            raise UserError(f"there is no {unknown[0]} dropout; the rates are {', '.join(known)}")
        try:
            numbers = {name: float(rate) for name, rate in rates.items()}
        except (TypeError, ValueError):
            raise UserError(f"the rates of dropout are {dict(rates)}; use numbers") from None
        return cls(**numbers)

    def scaled(self, share: float) -> Regularisation:
        """With this share, from 0 to 1, of each rate."""
        return Regularisation(**{name: share * rate for name, rate in asdict(self).items()})

    @classmethod
    def none(cls) -> Regularisation:
        """No dropout at all."""
        return cls(**{field.name: 0.0 for field in fields(cls)})
