"""The options that all searches with shared weights have, and what they are for each kind of space."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar

from nni_nasplus._files import typed
from nni_nasplus.errors import UserError

__all__ = ["SearchOptions", "WeightOptions", "options_of"]

_NOT_NEGATIVE = ("final_rate", "momentum", "weight_decay")


@dataclass(frozen=True, kw_only=True)
class WeightOptions:
    """What every search that trains a supernet can be told; the defaults are those of DARTS (arXiv 1806.09055).

    Parameters
    ----------
    epochs
        Passes over the training examples.
    optimizer
        Of the shared weights: SGD with momentum, or AdamW, which is the default for event sequences.
    rate, final_rate
        The learning rate of the shared weights in the first epoch, and where the cosine schedule would end.
    momentum, nesterov
        Of SGD.
    weight_decay
        Of the shared weights.
    clip
        The most that the norm of their gradient is.
    sizes
        Of the supernet, where it is to differ from the networks of the space: see the space's ``supernet``.

    Raises
    ------
    UserError
        If one of them is out of range.
    """

    epochs: int = 50
    optimizer: Literal["sgd", "adamw"] = "sgd"
    rate: float = 0.025
    final_rate: float = 0.001
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 3e-4
    clip: float = 5.0
    sizes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _typed(self)
        self._require_counts("epochs")
        self._require_positive("rate", "clip")
        self._require_not_negative(*_NOT_NEGATIVE)

    def _require_counts(self, *names: str) -> None:
        for name in names:
            self._require(name, getattr(self, name) >= 1, "1 or more")

    def _require_positive(self, *names: str) -> None:
        for name in names:
            self._require(name, 0 < getattr(self, name) < math.inf, "more than 0")

    def _require_not_negative(self, *names: str) -> None:
        for name in names:
            self._require(name, 0 <= getattr(self, name) < math.inf, "0 or more")

    def _require(self, name: str, fits: bool, remedy: str) -> None:
        if not fits:
            raise UserError(f"{name} is {getattr(self, name)}; use {remedy}")

    def rate_in(self, epoch: int) -> float:
        """The learning rate of the shared weights in an epoch, counted from 0: half a cosine."""
        fall = (1 + math.cos(math.pi * epoch / self.epochs)) / 2
        return self.final_rate + (self.rate - self.final_rate) * fall


@dataclass(frozen=True, kw_only=True)
class SearchOptions(WeightOptions):
    """What every differentiable search can be told.

    Parameters
    ----------
    alpha_rate, alpha_decay
        Learning rate and weight decay of α, by Adam with β = (.5, .999).
    warm_up
        The share of the epochs, in [0, 1], in which α stays as it is.

    Raises
    ------
    UserError
        If one of them is out of range.
    """

    alpha_rate: float = 3e-4
    alpha_decay: float = 1e-3
    warm_up: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("alpha_rate")
        self._require_not_negative("alpha_decay")
        self._require("warm_up", 0 <= self.warm_up <= 1, "0 to 1, a share of the epochs")

    @property
    def first_alpha_epoch(self) -> int:
        """The epoch, counted from 0, in which α begins to move."""
        return round(self.warm_up * self.epochs)


Kind = TypeVar("Kind", bound=WeightOptions)

_EVENTS = {"optimizer": "adamw", "rate": 3e-3, "final_rate": 0.0, "weight_decay": 1e-2, "clip": 1.0}
"""As the evaluator trains such networks: SGD hardly moves attention and recurrent layers."""
_TEXT = {"rate": 20.0, "final_rate": 20.0, "momentum": 0.0, "weight_decay": 5e-7, "clip": 0.25, "alpha_rate": 3e-3}
"""As DARTS trains the supernet of recurrent cells."""
_OF_SPACES: Mapping[str, Mapping[str, Any]] = {
    "EventSequenceSpace": _EVENTS,
    "DartsRecurrentSpace": _TEXT,
    "EnasRecurrentSpace": _TEXT,
}
_WITHOUT_WEIGHTS = {"affine": False}
"""Of batch norms: a scale in front of a weight would hide what α says (DARTS, appendix A)."""
_SIZES: Mapping[str, Mapping[str, Any]] = {
    "DartsSpace": _WITHOUT_WEIGHTS,
    "NasBench201Space": _WITHOUT_WEIGHTS,
    "DenseNasSpace": _WITHOUT_WEIGHTS,
}
_MOST: Mapping[str, Mapping[str, int]] = {
    "DartsSpace": {"channels": 16, "layers": 8},
    "DartsRecurrentSpace": {"hidden": 300},
}
"""The published supernets are smaller than the networks that are trained afterwards."""


def options_of(kind: type[Kind], space: Any, evaluator: Any, given: Mapping[str, Any]) -> Kind:
    """Options of a search of a space: those given, else what suits the space, else the published ones.

    Epochs are the published number, or those that the evaluator trains a network for where they are fewer.

    Raises
    ------
    UserError
        If an option is unknown or out of range.
    """
    known = [option.name for option in fields(kind)]
    if unknown := [name for name in given if name not in known]:
        raise UserError(f"this search has no setting '{unknown[0]}'; its settings: {', '.join(known)}")
    name = type(space).__name__
    epochs = min(_default(kind, "epochs"), getattr(evaluator, "epochs", math.inf))
    sizes = {**_SIZES.get(name, {}), **_limited(space, _MOST.get(name, {})), **given.get("sizes", {})}
    suits = {option: value for option, value in _OF_SPACES.get(name, {}).items() if option in known}
    return kind(**{**suits, "epochs": epochs, **given, "sizes": sizes})


def _default(kind: type[WeightOptions], name: str) -> Any:
    return next(option.default for option in fields(kind) if option.name == name)


def _limited(space: Any, most: Mapping[str, int]) -> dict[str, int]:
    return {name: min(size, getattr(space.macro, name)) for name, size in most.items()}


def _typed(options: WeightOptions) -> None:
    try:
        typed(options)
    except TypeError as error:
        raise UserError(f"{error}, which is of the wrong type; see the options of the search") from None
