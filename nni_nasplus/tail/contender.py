"""Contenders: trained networks that stand beside each other at the end, wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nni_nasplus._signals import heeded
from nni_nasplus.errors import UserError
from nni_nasplus.registry import described, instantiate
from nni_nasplus.run.run import Run
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.trial import Outcome, Trial
from nni_nasplus.training.predictions import PREDICTIONS, Predictions
from nni_nasplus.training.trial_folder import WEIGHTS, failed, outcome_in, require_disk, write_outcome

if TYPE_CHECKING:
    from torch import nn

    from nni_nasplus.networks.network_space import NetworkSpace

__all__ = ["Contender", "Training", "trial_contender"]


@dataclass(frozen=True)
class Contender:
    """A trained network.

    Parameters
    ----------
    name
        What people call it.
    space, architecture
        What it is built of.
    folder
        Where its weights, its outcome and what it says of the validation examples are.
    outcome
        How its training ended.
    seed
        Of its training.
    fold
        Which fold it has not learned from, from 0; None where it has learned from all training examples.
    """

    name: str
    space: NetworkSpace
    architecture: Architecture
    folder: Path
    outcome: Outcome
    seed: int = 0
    fold: int | None = None

    @property
    def networks(self) -> tuple[Contender, ...]:
        """It alone; of what is bagged there are several."""
        return (self,)

    @property
    def score(self) -> float:
        """The objective on the validation examples."""
        assert self.outcome.score is not None
        return self.outcome.score

    @property
    def predictions(self) -> Predictions | None:
        """What it says of the validation examples; None where that was not kept."""
        path = self.folder / PREDICTIONS
        return Predictions.load(path) if path.is_file() else None

    def network(self) -> nn.Module:
        """The trained network.

        Raises
        ------
        UserError
            If its weights are not there.
        """
        return self.space.trained(self.architecture, self.folder / WEIGHTS)

    def to_json(self, run: Run) -> dict[str, Any]:
        """What it takes to build it again, with its folder relative to the run's."""
        return {
            "name": self.name,
            "space": described(type(self.space), self.space.trace_kwargs),
            "architecture": self.architecture,
            "folder": self.folder.relative_to(run.directory).as_posix(),
            "seed": self.seed,
            **({} if self.fold is None else {"fold": self.fold}),
        }


def trial_contender(run: Run, trial: Trial) -> Contender:
    """A finished trial of a search."""
    assert trial.outcome is not None
    name, folder = f"trial {trial.number}", run.trial_directory(trial)
    outcome = replace(trial.outcome, cost=trial.cost)
    return Contender(name, run.space, trial.architecture, folder, outcome, run.evaluator.seed)


@dataclass(frozen=True)
class Training:
    """A network that is to be trained as the run's trials are.

    Parameters
    ----------
    name, space, architecture, folder, seed
        Those of the :class:`Contender` that it is to be.
    fold
        Which fold is held out, from 0, of how many; then it learns from no teachers, who may know the held-out labels.
        None for the split of the run.
    """

    name: str
    space: NetworkSpace
    architecture: Architecture
    folder: Path
    seed: int
    fold: tuple[int, int] | None = None

    @property
    def title(self) -> str:
        """What is done, for people."""
        fold = "" if self.fold is None else f" without fold {self.fold[0] + 1} of {self.fold[1]}"
        return f"training {self.name}{fold}"

    @property
    def has_ended(self) -> bool:
        """Whether its folder says how it ended, other than by being killed: then it may end better another time."""
        outcome = outcome_in(self.folder)
        return outcome is not None and outcome.failure != "interrupted"

    def contender(self) -> Contender | None:
        """What has been trained; None where that failed, or has not ended."""
        outcome = outcome_in(self.folder)
        if outcome is None or outcome.score is None:
            return None
        fold = None if self.fold is None else self.fold[0]
        return Contender(self.name, self.space, self.architecture, self.folder, outcome, self.seed, fold)

    def train(self, run: Run) -> None:
        """Train it; a failure is left in its folder, for a network that cannot be trained is no contender."""
        own = self._is_as_trials(run)
        evaluator = replace(run.evaluator, seed=self.seed, distillation=run.evaluator.distillation if own else None)
        evaluator = evaluator if self.fold is None else evaluator.held_out(*self.fold)
        try:
            with heeded():
                evaluator.evaluate(self.space, self.architecture, self.folder, run=run.directory if own else None)
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this network's
            require_disk(error, run.directory)
            write_outcome(self.folder, failed(error))

    def _is_as_trials(self, run: Run) -> bool:
        """Whether it may be taught as the trials are."""
        return self.space is run.space and self.fold is None

    def to_json(self, run: Run) -> dict[str, Any]:
        """What another process trains it by; the searched space is not described, for it has that already."""
        own = self.space is run.space
        return {
            "name": self.name,
            "space": None if own else described(type(self.space), self.space.trace_kwargs),
            "architecture": self.architecture,
            "folder": self.folder.relative_to(run.directory).as_posix(),
            "seed": self.seed,
            "fold": self.fold,
        }

    @classmethod
    def from_json(cls, run: Run, content: Mapping[str, Any]) -> Training:
        """Read what :meth:`to_json` gave of this run."""
        from nni_nasplus.networks.network_space import NetworkSpace

        space = run.space if content["space"] is None else instantiate(content["space"], NetworkSpace)
        fold = content["fold"] and tuple(content["fold"])
        folder = run.directory / content["folder"]
        return cls(content["name"], space, content["architecture"], folder, content["seed"], fold)
