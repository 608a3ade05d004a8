"""What every task of ``nasplus search`` says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar

from nni_nasplus import registry
from nni_nasplus.errors import UserError

TYPE_CHECKING = False
"""As in :mod:`typing`, whose own jsonargparse takes for leave to import all that follows, which takes seconds."""
if TYPE_CHECKING:
    from nni_nasplus.training.evaluator import Evaluator

__all__ = ["Task"]


class Task(ABC):
    """Data, the space of networks for them, and the evaluator; a subclass is a dataclass of its options."""

    space: str
    data_argument: ClassVar[str]
    """The argument that every space for such data has."""
    noun: ClassVar[str]
    """The data, in a word or two."""
    by_name: ClassVar[bool] = False
    """Whether --task names it, for data of whose option another task has the name."""
    dry_run: bool = False
    """Whether to say what the data are, and no more; a task that can has it among its options."""

    def look(self) -> None:  # noqa: B027  # not all data tell much at first sight
        """Raise :class:`UserError` naming what the data lack at first sight, before anything slow is imported."""

    @abstractmethod
    def check(self, trials: int) -> None:
        """Raise :class:`UserError` naming what cannot work, before anything is read or written."""

    @abstractmethod
    def prepare(self, cache: Path, seed: int, trials: int) -> tuple[dict[str, Any], Evaluator]:
        """Write the data into a new folder; the arguments of the space, and the evaluator."""

    def space_class(self) -> type:
        """The installed space.

        Raises
        ------
        UserError
            If there is none of that name, or it is for other data.
        """
        kind = registry.load("spaces", self.space)
        if self.data_argument not in signature(kind).parameters:
            raise UserError(f"space '{self.space}' is not for {self.noun}; {self._remedy()}")
        return kind

    def _check_choices(self, choices: Mapping[str, Any], evaluator: Evaluator, **sizes: Any) -> None:
        """Raise :class:`UserError` if neither the space nor the evaluator takes a choice of these arguments."""
        for name, values in choices.get("hyperparameters", {}).items():
            for value in values:
                evaluator.tuned({name: value})
        self.space_class()(**sizes, **choices)

    def _remedy(self) -> str:
        fitting = [
            name
            for name in registry.available("spaces")
            if self.data_argument in signature(registry.load("spaces", name)).parameters
        ]
        return f"use --space {' or '.join(fitting)}"

    def _require_positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UserError(f"--{name} is {value}; use more than 0")
