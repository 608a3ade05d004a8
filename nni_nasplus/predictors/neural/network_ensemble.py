"""What is common to neural predictors: a few networks, trained anew when there are ten more results."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nni_nasplus.predictors.ensemble import EnsemblePredictor
from nni_nasplus.predictors.features import Prior
from nni_nasplus.search.space import Architecture, SearchSpace

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["NetworkEnsemble"]

# As many as the papers train between fits; a fit takes about a second, and what is proposed a training of minutes.
_EVERY = 10
# More steps would learn a handful of results by heart, and say something wild of all others.
_STEPS_A_RESULT = 3


class NetworkEnsemble(EnsemblePredictor):
    """Networks from different initial weights, all trained on the same results.

    They learn from the first 10, 20, … results; until there are ten, from all. What is in training is not believed
    to reach what they expect: a network that is trained on its own predictions says the same. Generators are torch's
    own, of the seed, and leave the global one as it was.
    """

    _steps: int
    """Steps of Adam, of many results."""
    _rate: float
    """The learning rate, annealed to 0 by a cosine."""
    _batch: int
    """Results in a step."""

    slow = True

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        super().__init__(space, prior=prior, seed=seed)
        self._networks: list[nn.Module] = []
        self._learned: tuple[list[Architecture], np.ndarray] = [], np.zeros(0)

    def fit(self, architectures: Sequence[Architecture], utilities: np.ndarray) -> None:
        """Learn from finished trials; see :meth:`Predictor.fit`."""
        due = len(utilities) if len(utilities) < _EVERY else len(utilities) // _EVERY * _EVERY
        super().fit(architectures[:due], utilities[:due])

    def believe(self, architectures: Sequence[Architecture]) -> NetworkEnsemble:
        """Itself."""
        return self

    @abstractmethod
    def _vocabulary(self, architectures: Sequence[Architecture]) -> None:
        """Settle what the networks see of architectures, from those that they learn from."""

    @abstractmethod
    def _inputs(self, architectures: Sequence[Architecture]) -> Any:
        """What the networks take."""

    @abstractmethod
    def _made(self) -> list[nn.Module]:
        """New networks, of inputs to predictions [architectures] or [members, architectures]."""

    @abstractmethod
    def _loss(self, predicted: Tensor, targets: Tensor) -> Tensor:
        """What is minimised."""

    def _learn(self, architectures: Sequence[Architecture], targets: np.ndarray) -> None:
        if list(architectures) == self._learned[0] and np.array_equal(targets, self._learned[1]):
            return
        import torch

        self._vocabulary(architectures)
        with _one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self._networks = self._made()
            for network in self._networks:
                self._train(network, architectures, targets)
        self._learned = list(architectures), targets

    def _train(self, network: nn.Module, architectures: Sequence[Architecture], targets: np.ndarray) -> None:
        import torch

        network.train()
        adam = torch.optim.Adam(network.parameters(), lr=self._rate)
        steps = min(self._steps, _STEPS_A_RESULT * len(targets))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
        wanted = torch.as_tensor(targets, dtype=torch.float32)
        for rows in self._batches(len(targets), steps):
            adam.zero_grad()
            loss = self._loss(network(self._inputs([architectures[row] for row in rows])), wanted[rows])
            loss.backward()
            adam.step()
            schedule.step()
        network.eval()

    def _batches(self, results: int, steps: int) -> Iterator[list[int]]:
        """The rows of each step: all in turn, shuffled every time."""
        import torch

        rows: list[int] = []
        for _ in range(steps):
            if len(rows) < min(self._batch, results):
                rows = torch.randperm(results).tolist()
            batch, rows = rows[: self._batch], rows[self._batch :]
            yield batch

    def _members(self, architectures: Sequence[Architecture]) -> np.ndarray:
        import torch

        with _one_thread(), torch.inference_mode():
            found = [network(self._inputs(architectures)) for network in self._networks]
        return np.vstack([members.double().numpy() for members in found])


@contextmanager
def _one_thread() -> Iterator[None]:
    """The networks are small: beside trials, threads that wait for each other take longer than one alone."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
