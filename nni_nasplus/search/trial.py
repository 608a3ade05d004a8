"""What is proposed, how its training ended, and the trial that joins the two."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from operator import index
from typing import Any, Literal, NamedTuple, get_args

from nni_nasplus.search.space import Architecture

__all__ = ["Failure", "Observation", "Outcome", "Proposal", "Trial", "finite"]

Failure = Literal["diverged", "interrupted", "cancelled", "rejected", "error"]
"""Why there is no score: training diverged; the trial was ended from outside and is to be tried again; a person or an
assessor ended it; the architecture exceeds a limit and was never trained; anything else."""


class Proposal(NamedTuple):
    """What to train next.

    Parameters
    ----------
    architecture
        In canonical form.
    origin
        How it came to be: ``"random"``, or a word of the strategy's own.
    epochs
        What to train it to; None for all epochs of the evaluator. Proposed again with more than before, the same trial
        goes on from where it was.
    """

    architecture: Architecture
    origin: str = "random"
    epochs: int | None = None


class Observation(NamedTuple):
    """A trial that has ended. ``utility`` is the score with the sign that makes higher better; None for a failure."""

    architecture: Architecture
    utility: float | None
    cost: float | None
    metrics: Mapping[str, float] = {}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a trial ended.

    Parameters
    ----------
    score
        What the search optimises, finite; None for a failure.
    metrics
        Everything else reported, finite.
    cost
        What the trial took, in seconds.
    failure
        The kind of failure; without a score and a kind it is ``"error"``.
    reason
        Of a failure, one line.
    teachers
        The numbers of the trials that it learned from.
    epochs
        How many epochs the score stands for; None for all.

    Raises
    ------
    ValueError
        If the score is NaN or infinite, or there are both a score and a failure.
    """

    score: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    cost: float | None = None
    failure: Failure | None = None
    reason: str | None = None
    teachers: Sequence[int] = ()
    epochs: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "teachers", tuple(self.teachers))
        if self.score is None:
            object.__setattr__(self, "failure", self.failure or "error")
        elif not math.isfinite(self.score):
            raise ValueError(f"score is {self.score}; report a failed trial with None")
        elif self.failure is not None:
            raise ValueError(f"score is {self.score} and the trial failed ({self.failure}); say one of both")

    @classmethod
    def of(cls, result: Outcome | float | None) -> Outcome:
        """An outcome as it is, a number as a score, None as a failure."""
        return result if isinstance(result, Outcome) else cls(score=result)

    def is_before(self, epochs: int | None) -> bool:
        """Whether it is how a trial ended before it went on to so many epochs."""
        if self.score is None or self.epochs is None or epochs is None:
            return False
        return self.epochs < epochs

    def to_json(self) -> dict[str, Any]:
        """As JSON values, without what is empty."""
        content = {name: value for name, value in asdict(self).items() if value not in (None, {}, ())}
        return {"score": self.score, **content}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Outcome:
        """Read :meth:`to_json`.

        Raises
        ------
        ArithmeticError, AttributeError, TypeError, ValueError
            If it is anything else.
        """
        outcome = cls(**content)
        for number in (*_given(outcome.score, outcome.cost), *outcome.metrics.values()):
            finite(number)
        for count in (*_given(outcome.epochs), *outcome.teachers):
            index(count)
        if outcome.failure not in (None, *get_args(Failure)) or not isinstance(outcome.reason, str | None):
            raise ValueError(f"no failure: {outcome.failure}, {outcome.reason}")
        return outcome


def _given(*values: Any) -> list[Any]:
    return [value for value in values if value is not None]


@dataclass
class Trial:
    """A proposal and, once it has ended, how.

    ``epochs`` is what it is to be trained to, None for all. ``curve`` has what it has reached so far, by the number of
    epochs: what was reported while it ran, and how it ended before it was proposed again to go on. ``reached`` is how
    many epochs its latest score stands for, infinite for all, 0 before there is one. ``cost_before`` is what all but
    its latest part took, in seconds.
    """

    number: int
    architecture: Architecture
    origin: str = "random"
    epochs: int | None = None
    outcome: Outcome | None = None
    curve: dict[int, float] = field(default_factory=dict)
    reached: float = 0.0
    cost_before: float = 0.0

    @property
    def status(self) -> Literal["pending", "done", "failed", "rejected"]:
        """Whether it has ended, and how; a rejected one exceeds a limit and was never trained."""
        if self.outcome is None:
            return "pending"
        if self.outcome.score is not None:
            return "done"
        return "rejected" if self.outcome.failure == "rejected" else "failed"

    @property
    def score(self) -> float | None:
        """Of its outcome; None before its end and for a failure."""
        return None if self.outcome is None else self.outcome.score

    @property
    def metrics(self) -> Mapping[str, float]:
        """Of its outcome; none before its end."""
        return {} if self.outcome is None else self.outcome.metrics

    @property
    def cost(self) -> float | None:
        """Of its outcome and of all parts before, in seconds; None before its end and where nobody measured."""
        return None if self.outcome is None or self.outcome.cost is None else self.cost_before + self.outcome.cost

    @property
    def reason(self) -> str | None:
        """Why it failed or was rejected, where anybody said so."""
        return None if self.outcome is None else self.outcome.reason

    @property
    def teachers(self) -> Sequence[int]:
        """The numbers of the trials that it learned from; none before its end."""
        return () if self.outcome is None else self.outcome.teachers

    def may_go_on(self, epochs: int | None) -> bool:
        """Whether it has ended with a score after fewer epochs than these, None being all."""
        return self.score is not None and self.epochs is not None and (epochs is None or epochs > self.reached)


def finite(value: Any) -> float:
    """A number that a file holds, as it is; an ArithmeticError, TypeError or ValueError if it is none or not finite."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    number: float = value
    return number
