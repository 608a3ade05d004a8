"""A toy of every kind that can be plugged in, each as small as it gets: one object and one line in :data:`GROUPS`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from nni_nasplus.cli.tasks import Task
from nni_nasplus.hosts.host import Host
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.predictors.base import Predictor
from nni_nasplus.search.history import SearchSpaceExhausted
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.trial import Outcome, Proposal
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.reporter import LogReporter
from nni_nasplus.training.trial_folder import WEIGHTS, outcome_in, trial_directory, write_outcome


@dataclass(frozen=True)
class Widest(Strategy):
    """Proposes the last architecture of the space that is new."""

    learns: ClassVar[bool] = False

    def propose(self, history, rng):
        return next(Proposal(one, "widest") for one in reversed(list(history.space)) if history.is_new(one))


class Lines(NetworkSpace):
    """One linear layer of some width."""

    def __init__(self, numbers: int = 2) -> None:
        super().__init__()
        self.numbers = numbers
        self.decide(SearchSpace({"width": [1, 2, 4, 8]}))

    def _network(self, architecture):
        return nn.Linear(self.numbers, architecture["width"])

    def example(self):
        return torch.zeros(1, self.numbers)

    def graph(self, architecture):
        raise NotImplementedError


class Nearest(Predictor):
    """Expects what the most alike architecture has reached, and learns from architectures themselves."""

    def _learn(self, architectures, targets):
        self.known = list(zip(architectures, targets, strict=True))

    def predict(self, architectures):
        expected = [min(self.known, key=lambda pair: self._apart(pair[0], one))[1] for one in architectures]
        return np.array(expected), np.ones(len(expected))

    def sample(self, architectures, count, rng):
        return self.predict(architectures)[0] + rng.normal(size=(count, len(architectures)))

    def _apart(self, one, other):
        return sum(one.get(name) != other.get(name) for name in self.space.decisions)


def breadth(network, batch, generator=None) -> float:
    """How many outputs the network has."""
    return float(network(batch).shape[1])


@dataclass(frozen=True, kw_only=True)
class Width(Evaluator):
    """A network is worth its width; nothing is trained."""

    directions: ClassVar = {"width": "maximize"}
    objective: str = "width"
    epochs: int = 1

    def data(self):
        raise NotImplementedError

    def task(self, network):
        raise NotImplementedError

    def evaluate(self, space, architecture, directory, reporter=None, run=None, epochs=None):
        Path(directory).mkdir(parents=True)
        save_file(space.build(architecture).state_dict(), Path(directory) / WEIGHTS)
        metrics = {"width": float(architecture["width"]), "parameters": 1.0, "seconds": 0.0}
        write_outcome(Path(directory), Outcome(score=metrics["width"], metrics=metrics))
        return metrics

    def test(self, network):
        return {"width": float(network.out_features)}


@dataclass(frozen=True, kw_only=True)
class NumberTask(Task):
    """Search networks for so many numbers.

    Parameters
    ----------
    numbers
        How many numbers a network is given.
    space
        What to search; one of the installed spaces.
    """

    data_argument: ClassVar[str] = "numbers"
    noun: ClassVar[str] = "numbers"

    numbers: int
    space: str = "lines"

    def check(self, trials):
        self._require_positive("numbers")

    def prepare(self, cache, seed, trials):
        cache.mkdir(parents=True)
        return {"numbers": self.numbers}, Width()


class Here(Host):
    """Runs trials in this process, one after the other."""

    def check(self, settings):
        pass

    @contextmanager
    def search(self, run):
        yield _Running(run)


@dataclass
class _Running:
    run: object
    where: str = "in this process"

    def wait(self, on_change):
        search, run = self.run.open_search(), self.run
        while len(search.history.finished) < run.settings.trials:
            try:
                trial = search.ask()
            except SearchSpaceExhausted:
                break
            folder = trial_directory(run.directory, search.space.key(trial.architecture))
            run.evaluator.evaluate(run.space, trial.architecture, folder, LogReporter(), run.directory)
            search.tell(trial, outcome_in(folder))
            on_change(search.history)
        search.journal.close()


GROUPS = {
    "strategies": {"widest": "toys:Widest"},
    "spaces": {"lines": "toys:Lines"},
    "predictors": {"nearest": "toys:Nearest"},
    "proxies": {"breadth": "toys:breadth"},
    "one_shot": {"toy": "toy_one_shot:Toy"},
    "hosts": {"here": "toys:Here"},
    "tasks": {"numbers": "toys:NumberTask"},
}
