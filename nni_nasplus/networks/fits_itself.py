"""Networks that no gradient trains."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pytorch_lightning import LightningDataModule

__all__ = ["FitsItself"]


@runtime_checkable
class FitsItself(Protocol):
    """A network whose weights are found by a method of its own, such as boosted trees; evaluators call it."""

    @property
    def rounds(self) -> int:
        """How often it went over the training split to become what it is; its weights tell, also where loaded."""

    def fit_to(self, data: LightningDataModule, seed: int, rounds: int | None = None) -> None:
        """Learn from the training split in place; the validation split may say when to stop.

        Parameters
        ----------
        data
            The loaders of the splits.
        seed
            Fixes whatever is drawn: equal seeds give equal weights.
        rounds
            How often to go over the training split, 1 or more; the validation split is not looked at then.
        """
