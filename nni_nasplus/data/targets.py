"""What is predicted of an example: its class, a number, or which of several labels it has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.link import Link, means_of
from nni_nasplus.errors import UserError

__all__ = ["Classes", "Number", "Tags", "Target", "target_of"]

_STRATA = 10
"""Quantiles of a number that every split has alike."""
_SHOWN = 10
"""Classes that are named: more of them fill the screen."""
_ROUND = 0.01
"""Shares below which parts of a percent are shown."""
_LARGEST = 1e38
"""Beyond it float32 has no numbers."""
_OF_A_STRATUM = 40
"""Examples of a quantile: the smallest split then has a few of each; half of them are the fewest of any stratum."""
_MOST_CLASSES = 0.25
"""Of the examples: where more of their values differ, and all are numbers, they are no classes."""


class Target(ABC):
    """What a network puts out for an example stands for; a subclass is a frozen dataclass of JSON values."""

    link: ClassVar[Link]
    """How outputs stand for what is predicted."""
    kind: ClassVar[str]
    """Its name in files."""

    @property
    @abstractmethod
    def names(self) -> list[Any]:
        """What each output is of."""

    @property
    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What people are told of it, by name."""

    @abstractmethod
    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[np.int64], list[Any]]:
        """The group [N] of each label that every split is to have in equal shares, and the name of each group."""

    @abstractmethod
    def summary(self, labels: NDArray[Any]) -> str:
        """What encoded labels are, in a line."""

    def lacking(self, labels: NDArray[Any]) -> str:
        """What the labels of a split lack to be measured by; "" where it is nothing."""
        return ""

    @abstractmethod
    def answers(self, outputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What outputs [N, C] say, as the columns of a table."""

    def fitted(self, labels: NDArray[Any]) -> Target:
        """This target, with what is measured on the labels of training examples."""
        return self

    def encoded(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Labels as networks learn them."""
        return labels

    def to_json(self) -> dict[str, Any]:
        """The fields and the kind as JSON values."""
        fields: Any = self
        return {"kind": self.kind, **asdict(fields)}


@dataclass(frozen=True)
class Classes(Target):
    """One of C classes; labels are int64 [N], and −1 where the class is unknown.

    Parameters
    ----------
    name
        The column.
    values
        The value of each class, in ascending order.
    """

    link: ClassVar[Link] = "softmax"
    kind: ClassVar[str] = "classes"

    name: str
    values: tuple[Any, ...]

    @classmethod
    def read(cls, name: str, values: NDArray[np.generic]) -> tuple[Classes, NDArray[np.int64]]:
        """The target of values [N], and their labels; ``UserError`` where there is but one class."""
        known, label = np.unique(values, return_inverse=True)
        if len(known) < 2:
            raise UserError(f"labels: every user has the target {known[0].item()!r}: two classes are needed")
        if len(known) > max(_STRATA, _MOST_CLASSES * len(values)) and all(map(_is_number, known)):
            raise UserError(
                f"labels: {name!r} has {len(known)} different numbers in {len(values)} users, too many for classes: "
                "predict the number, by --objective rmse or mae"
            )
        return cls(name, tuple(known.tolist())), label.astype(np.int64)

    @property
    def names(self) -> list[Any]:
        """The classes."""
        return list(self.values)

    @property
    def facts(self) -> dict[str, Any]:
        """The classes."""
        return {"classes": list(self.values)}

    def summary(self, labels: NDArray[Any]) -> str:
        """The share of each class."""
        shares = np.bincount(labels, minlength=len(self.values)) / len(labels)
        return f"{len(self.values)} classes: {_shares(self.values, shares)}"

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[np.int64], list[Any]]:
        """The classes."""
        return labels, self.names

    def answers(self, outputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """``p_<class>`` for each class."""
        probabilities = means_of(outputs, self.link).astype(np.float32)
        return {f"p_{value}": probabilities[:, i] for i, value in enumerate(self.values)}


@dataclass(frozen=True)
class Number(Target):
    """A number; labels are float64 [N, 1]. Outputs and encoded labels are in standard units: (number − centre) / scale.

    Parameters
    ----------
    name
        The column.
    centre, scale
        The mean and the standard deviation of the training examples.
    """

    link: ClassVar[Link] = "identity"
    kind: ClassVar[str] = "number"

    name: str
    centre: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"the scale of {self.name!r} is {self.scale}")

    @classmethod
    def read(cls, name: str, values: NDArray[np.float64]) -> tuple[Number, NDArray[np.float64]]:
        """The target of values [N], and their labels; ``UserError`` where all are equal, or some beyond float32."""
        if not (np.abs(values) < _LARGEST).all():
            raise UserError(f"labels: {name!r} holds numbers beyond {_LARGEST:g}, or infinite ones: mend or scale them")
        if (values == values[0]).all():
            raise UserError(f"labels: every user has the target {values[0]:g}: there is nothing to predict")
        return cls(name), values[:, None]

    def fitted(self, labels: NDArray[Any]) -> Number:
        """With the centre and the scale of the labels."""
        return replace(self, centre=float(labels.mean()), scale=float(labels.std()) or 1.0)

    def encoded(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """In standard units."""
        return ((labels - self.centre) / self.scale).astype(np.float32)

    @property
    def names(self) -> list[Any]:
        """The column."""
        return [self.name]

    @property
    def facts(self) -> dict[str, Any]:
        """The column, and what is usual of it."""
        return {"number": self.name, "its mean": f"{self.centre:.6g}", "its standard deviation": f"{self.scale:.6g}"}

    def summary(self, labels: NDArray[Any]) -> str:
        """Least, quartiles and most."""
        quartiles = np.quantile(labels.astype(np.float64), np.linspace(0, 1, 5)) * self.scale + self.centre
        return f"a number: {' '.join(f'{value:.4g}' for value in quartiles)} (least, quartiles, most)"

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[np.int64], list[Any]]:
        """Up to ten quantiles."""
        count = max(1, min(_STRATA, len(labels) // _OF_A_STRATUM))
        inner = np.quantile(labels[:, 0], np.linspace(0, 1, count + 1)[1:-1])
        return _merged(np.searchsorted(inner, labels[:, 0]), [f"about {end:g}" for end in (*inner, labels.max())])

    def lacking(self, labels: NDArray[Any]) -> str:
        """Two numbers that differ: without them nothing is explained."""
        return "" if len(np.unique(labels)) > 1 else f"two different values of {self.name!r}"

    def answers(self, outputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The number, under its own name."""
        return {self.name: outputs[:, 0].astype(np.float64) * self.scale + self.centre}


@dataclass(frozen=True)
class Tags(Target):
    """Which of K labels an example has, any of them at once (multi-label); labels are float32 [N, K] of 0 and 1.

    Parameters
    ----------
    columns
        The column of each label.
    values
        Of each column, the value of those without and of those with the label.
    """

    link: ClassVar[Link] = "sigmoid"
    kind: ClassVar[str] = "tags"

    columns: tuple[str, ...]
    values: tuple[tuple[Any, Any], ...]

    def __post_init__(self) -> None:
        if len(self.columns) != len(self.values):
            raise ValueError(f"{len(self.columns)} columns have {len(self.values)} pairs of values")

    @classmethod
    def read(cls, columns: Sequence[str], values: Sequence[NDArray[np.generic]]) -> tuple[Tags, NDArray[np.float32]]:
        """The target of K columns of values [N], and their labels; ``UserError`` where one has not two values."""
        found = [np.unique(column, return_inverse=True) for column in values]
        for name, (known, _) in zip(columns, found, strict=True):
            if len(known) != 2:
                raise UserError(
                    f"labels: {name!r} has {len(known)} {'value' if len(known) == 1 else 'values'}, and each of "
                    "several targets needs two, such as 0 and 1: leave it out, or predict it alone"
                )
        pairs = tuple((known[0].item(), known[1].item()) for known, _ in found)
        return cls(tuple(columns), pairs), np.stack([label for _, label in found], 1).astype(np.float32)

    @property
    def names(self) -> list[Any]:
        """The columns."""
        return list(self.columns)

    @property
    def facts(self) -> dict[str, Any]:
        """The columns, and the values that count."""
        return {"labels": [f"{name} = {pair[1]}" for name, pair in zip(self.columns, self.values, strict=True)]}

    def summary(self, labels: NDArray[Any]) -> str:
        """The share of users with each label."""
        return f"{len(self.columns)} labels at once: {_shares(self.columns, labels.mean(0))}"

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[np.int64], list[Any]]:
        """The rarest of the labels that an example has, or none: each split then has its share of every one."""
        order = labels.sum(0).argsort(kind="stable")
        rank = order.argsort(kind="stable")
        group = np.where(labels > 0, rank, len(order)).min(1).astype(np.int64)
        return _merged(group, [*(self.columns[i] for i in order), "none of them"])

    def lacking(self, labels: NDArray[Any]) -> str:
        """Users with and without each label."""
        for name, column, pair in zip(self.columns, labels.T, self.values, strict=True):
            for value, count in zip(pair, ((column == 0).sum(), (column > 0).sum()), strict=True):
                if not count:
                    return f"users whose {name!r} is {value!r}"
        return ""

    def answers(self, outputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """``p_<column>`` for each label."""
        probabilities = means_of(outputs, self.link).astype(np.float32)
        return {f"p_{name}": probabilities[:, i] for i, name in enumerate(self.columns)}


def _is_number(value: Any) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except ValueError:
        return False


def _shares(names: Sequence[Any], shares: NDArray[np.floating]) -> str:
    pairs = zip(names, shares, strict=True)
    shown = [f"{name} ({100 * share:{'.0f' if share >= _ROUND else '.1g'}} %)" for name, share in pairs]
    return ", ".join([*shown[:_SHOWN], *(["…"] if len(names) > _SHOWN else [])])


def _merged(group: NDArray[np.int64], names: Sequence[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Groups [N] numbered without gaps, and their names; small ones, which no split could share, join the largest."""
    counts = np.bincount(group, minlength=len(names))
    small = counts < _OF_A_STRATUM // 2
    known, compact = np.unique(np.where(small[group], counts.argmax(), group), return_inverse=True)
    return compact.astype(np.int64), [names[i] for i in known]


def target_of(content: Mapping[str, Any]) -> Target:
    """Read what :meth:`Target.to_json` gives; ``KeyError`` and ``TypeError`` where it is something else."""
    kinds: dict[str, type[Any]] = {one.kind: one for one in (Classes, Number, Tags)}
    fields = {name: _frozen(value) for name, value in content.items() if name != "kind"}
    made: Target = kinds[content["kind"]](**fields)
    return made


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
