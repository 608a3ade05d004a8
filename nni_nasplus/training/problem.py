"""What is to be learned: the data, the task, its metrics, and what an author can say of them beyond that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import pytorch_lightning as pl
from torch import nn

from nni_nasplus.data.link import Link
from nni_nasplus.data.preprocessing import Preprocessing
from nni_nasplus.errors import UserError
from nni_nasplus.search.history import Direction
from nni_nasplus.training.distillation.teachers import Examples
from nni_nasplus.training.predictions import Predictions

if TYPE_CHECKING:
    from typing import Self

    from nni_nasplus.data.photos.side_by_side import SideBySide

__all__ = ["Problem"]


@dataclass(frozen=True, kw_only=True)
class Problem(ABC):
    """What a network learns, and how well it has: :class:`~nni_nasplus.training.evaluator.Evaluator` trains on it.

    A subclass of the evaluator has to say what :meth:`data` and what :meth:`task`; each of the other methods lets it
    do more, which the method's own error says is missing.

    Parameters
    ----------
    objective
        The validation metric to search for; one of ``directions``.
    """

    directions: ClassVar[Mapping[str, Direction]] = MappingProxyType({})
    """By metric, whether it is to be maximised or minimised."""

    objective: str

    @property
    def direction(self) -> Direction:
        """Whether the objective is maximised or minimised; UserError where it is unknown."""
        if self.objective not in self.directions:
            known = ", ".join(self.directions)
            raise UserError(f"unknown objective '{self.objective}'; choose one of {known}")
        return self.directions[self.objective]

    @abstractmethod
    def data(self) -> pl.LightningDataModule:
        """The data module."""

    @abstractmethod
    def task(self, network: nn.Module) -> pl.LightningModule:
        """The Lightning module that trains ``network`` and logs ``val_<objective>`` and ``test_<objective>``."""

    def validation_half(self) -> Any:
        """Batches of validation examples, as a search inside one trial trains the weights of operations on them.

        Here they come as they do in validation; an evaluator that can draws them anew in each pass.
        """
        return self.data().val_dataloader()

    def refit_data(self) -> pl.LightningDataModule:
        """The data module whose training examples are those of training and of validation, for :meth:`refit`."""
        raise UserError(f"{type(self).__name__} cannot refit its networks: it has no method refit_data()")

    @property
    def recommended_folds(self) -> int:
        """How many folds bagging is worth on these data; 0 where they are not few, or cannot be divided."""
        return 0

    def held_out(self, fold: int, count: int) -> Self:
        """This evaluator with other training and validation examples, of the same that there are of both.

        Parameters
        ----------
        fold, count
            Of so many folds the one, from 0, whose examples validate; those of the others train.

        Raises
        ------
        UserError
            If the examples cannot be divided so.
        """
        raise UserError(f"{type(self).__name__} cannot train on folds; use --folds 0")

    def examples(self) -> Examples:
        """The training set as teachers are asked on it."""
        raise UserError(f"{type(self).__name__} cannot distil: it has no method examples()")

    def measure(self, predictions: Predictions, names: Sequence[str] | None = None) -> dict[str, float]:
        """The metrics of predictions that are already made, such as the mean of several networks'.

        Parameters
        ----------
        names
            Which; all if None.
        """
        raise UserError(f"{type(self).__name__} cannot join networks: it has no method measure()")

    @property
    def joins(self) -> bool:
        """Whether networks can be joined: what they say of an example has a mean."""
        return type(self).measure is not Problem.measure

    @property
    def distils(self) -> bool:
        """Whether a network can be taught what others say: these can be asked on the training set."""
        return type(self).examples is not Problem.examples

    @property
    def link(self) -> Link:
        """How outputs stand for what networks say: those of classes by the softmax."""
        return "softmax"

    def side_by_side(self, network: nn.Module, split: str, most: int) -> list[SideBySide]:
        """Of a network whose answers are pictures, what it makes of examples, beside what is to be reached.

        Parameters
        ----------
        split
            ``val`` or ``test``.
        most
            Of how many examples.
        """
        return []

    def preprocessing(self) -> Preprocessing:
        """What an exported network takes new data through."""
        raise UserError(f"{type(self).__name__} cannot export its networks: it has no method preprocessing()")
