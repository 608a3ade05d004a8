"""What every search inside one trial is: a Lightning module that knows architectures when it has been fitted."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger

from nni_nasplus.drawing.cells import cell_figure
from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.latency import LatencyModel
from nni_nasplus.networks.limits import Limits
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.one_shot.pictures.graph import alive_graph
from nni_nasplus.one_shot.pictures.road import Road
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture
from nni_nasplus.training.reporter import LogReporter, Reporter

if TYPE_CHECKING:
    from typing import Self

    from matplotlib.figure import Figure

__all__ = ["HasData", "OneShot"]

_STATE = "one_shot"


class HasData(Protocol):
    """What a search takes examples from, such as an :class:`~nni_nasplus.training.evaluator.Evaluator`."""

    def data(self) -> Any:
        """What has a ``train_dataloader()`` and a ``val_dataloader()``, such as a ``LightningDataModule``."""


class OneShot(pl.LightningModule, ABC):
    """A search inside one trial, to be fitted by any Lightning Trainer; optimisation is manual.

    A subclass says how it is made of a space (:meth:`of`), what a :meth:`training_step` does, and what was found
    (:meth:`architectures`). Registered in the entry-point group ``nni_nasplus.one_shot``, it is searched with by
    :func:`~nni_nasplus.one_shot.fit.fit`, by an :class:`~nni_nasplus.one_shot.strategy.OneShotStrategy` on every host,
    and by :class:`~nni_nasplus.hosts.nni.nas.one_shot.OneShotSearch` in an experiment of NNI.

    Equal seeds, settings and examples must give equal architectures, and a checkpoint must go on as if the search had
    never stopped: :attr:`generator`, what was reported, and all that ``state_dict`` has are part of it.

    Parameters
    ----------
    seed
        Of :attr:`generator`; 0 or more.
    epochs
        After how many the search is over; −1 where the module stops its trainer by itself.
    settings
        What a checkpoint must agree with.
    reporter
        Hears of each epoch by an intermediate result, also of those before a resume.

    Attributes
    ----------
    generator
        Draws whatever the search draws, on the CPU.
    rounds
        What was reported.
    road
        What would have been answered after each epoch, where a method knows; :func:`~nni_nasplus.one_shot.fit.fit`
        keeps it.
    excess
        Says in words which limit an architecture exceeds, or None; None where there is no limit. Methods that compare
        architectures by themselves leave out those that exceed one.
    limits, latency
        The limits themselves, and what gives the model that predicts latencies; None where there are none.

    Raises
    ------
    UserError
        If the seed is negative.
    """

    checkpoint_steps: ClassVar[int | None] = None
    """Training steps between two checkpoints; an epoch where None, which a module needs whose loader shuffles."""
    by_paths: ClassVar[bool] = False
    """Whether its supernet is one of paths, where the space has one such."""
    threads: ClassVar[int | None] = 1
    """How many of the CPU's :func:`~nni_nasplus.one_shot.fit.fit` takes; those that torch has where None."""

    def __init__(
        self, *, seed: int, epochs: int = -1, settings: Mapping[str, Any], reporter: Reporter | None = None
    ) -> None:
        super().__init__()
        if seed < 0:
            raise UserError(f"seed is {seed}; use 0 or more")
        self.automatic_optimization = False
        self.seed = seed
        self.epochs = epochs
        self.reporter = reporter or LogReporter()
        self.generator = torch.Generator().manual_seed(seed)
        self.rounds: list[tuple[float, dict[str, float]]] = []
        self.excess: Callable[[Architecture], str | None] | None = None
        self.limits: Limits | None = None
        self.latency: Callable[[], LatencyModel | None] | None = None
        self.road = Road()
        self._settings = {"seed": seed, **settings}

    @classmethod
    @abstractmethod
    def of(
        cls, space: NetworkSpace, evaluator: HasData, *, seed: int, reporter: Reporter | None, **settings: Any
    ) -> Self:
        """The search of a space, on the data of an evaluator; :func:`~nni_nasplus.one_shot.fit.made` calls it.

        Raises
        ------
        UserError
            If the space has no supernet, or a setting or the data are refused.
        """

    @classmethod
    def check(cls, space: NetworkSpace, settings: Mapping[str, Any]) -> None:  # most need the data
        """Raise :class:`UserError` if settings cannot work on a space, before any data are read."""

    @abstractmethod
    def training_step(self, *arguments: Any) -> None:
        """One step of the search, as Lightning calls it; it steps its optimisers itself."""

    @abstractmethod
    def architectures(self) -> Ranking:
        """What was found, best first."""

    def report(self, progress: float, metrics: Mapping[str, float]) -> None:
        """Tell the host how it goes, once an epoch.

        Parameters
        ----------
        progress
            What the host draws as the trial's curve, finite.
        metrics
            What else is known; what is not finite is left out.
        """
        self.rounds.append((progress, {name: value for name, value in metrics.items() if math.isfinite(value)}))
        self.reporter.intermediate(*self.rounds[-1])

    def show(self, supernet: Supernet, title: str, step: int) -> None:
        """Give TensorBoard a picture of what is alive."""
        self.draw("cells", lambda: cell_figure(alive_graph(supernet), title), step)

    def draw(self, name: str, make: Callable[[], Figure], step: int) -> None:
        """Give TensorBoard a figure of matplotlib, which is made only where there is a TensorBoard."""
        for board in [logger for logger in self.loggers if isinstance(logger, TensorBoardLogger)]:
            board.experiment.add_figure(name, make(), step)

    def on_fit_start(self) -> None:
        """Report what was reported before a resume."""
        for progress, metrics in self.rounds:
            self.reporter.intermediate(progress, metrics)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed search needs beside the weights; a subclass adds to it."""
        checkpoint[_STATE] = {
            "settings": self._settings,
            "generator": self.generator.get_state(),
            "rounds": self.rounds,
            "road": self.road.to_json(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it over.

        Raises
        ------
        UserError
            If the checkpoint is of a search with other settings.
        """
        state = checkpoint[_STATE]
        for name, value in self._settings.items():
            if (was := state["settings"].get(name)) != value:
                raise UserError(f"the checkpoint's search has {name}={was}; go on with that")
        self.generator.set_state(state["generator"].cpu())
        self.rounds = [(progress, dict(metrics)) for progress, metrics in state["rounds"]]
        self.road = Road(**state.get("road", {}))
