"""The evaluator: builds an architecture, trains it with Lightning, reports."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytorch_lightning as pl
from pytorch_lightning.utilities.seed import isolate_rng
from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.networks.costs.timing import Timing
from nni_nasplus.networks.export import export_onnx
from nni_nasplus.networks.fits_itself import FitsItself
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.weights import load_weights, save_weights
from nni_nasplus.search.trial import Outcome
from nni_nasplus.training.continuing import Ending, Part
from nni_nasplus.training.distillation.loss import Distilled, Teachers
from nni_nasplus.training.distillation.settings import Distillation
from nni_nasplus.training.distillation.teachers import find_teachers
from nni_nasplus.training.predictions import PREDICTIONS, Predicting, Predictions
from nni_nasplus.training.problem import Problem
from nni_nasplus.training.quiet import quiet_lightning
from nni_nasplus.training.reporter import (
    KeepCurve,
    LogReporter,
    Reporter,
    ReportMetrics,
    logged_metrics,
    require_finite,
)
from nni_nasplus.training.trainer import (
    BEST,
    best_epoch,
    early_stopping,
    quiet_arguments,
    restore_best,
    training_trainer,
)
from nni_nasplus.training.trial_folder import LAST, WEIGHTS, inherited_weights, write_outcome

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Evaluator"]

_UNSEEN = {"limit_val_batches": 0, "enable_checkpointing": False}
"""Of a trainer that measures nothing: there is no best epoch that a checkpoint could be of."""


@dataclass(frozen=True, kw_only=True)
class Evaluator(Problem):
    """Train a network with a fresh Lightning trainer and score it on validation data.

    A subclass says what data and what task. It is a frozen dataclass too: its fields are its arguments, and plain JSON
    values, so that an evaluator travels to any host.

    Parameters
    ----------
    objective
        The validation metric to search for; one of the subclass's ``directions``.
    epochs
        The most passes over the training data, and the length of the schedule of learning rates.
    patience
        Training stops early after so many epochs without improvement; None for never.
    seed
        Fixes weights, dropout and the order of batches.
    distillation
        How trials learn from the best before them, as an object or its settings by name; None for each by itself. It
        needs :meth:`examples`, and a task with the mixin
        :class:`~nni_nasplus.training.distillation.loss.Distilled`.
    clip
        The most that the norm of a step's gradient is.
    latency
        How trials measure the milliseconds of a forward pass, which they then report as ``latency_ms``: arguments of
        :class:`~nni_nasplus.networks.costs.timing.Timing`, or True for one thread of torch.
    annealed
        Whether a training of fewer epochs is one of its own, from the beginning, whose schedule ends with them; else it
        is the first part of the whole training.

    Raises
    ------
    UserError
        If the objective or a setting of the distillation is unknown.

    Examples
    --------
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Digits(Evaluator):
    ...     directions = {"accuracy": "maximize"}
    ...     objective: str = "accuracy"
    ...     epochs: int = 10
    ...     batch_size: int = 32
    ...
    ...     def data(self) -> pl.LightningDataModule: ...
    ...     def task(self, network: nn.Module) -> pl.LightningModule: ...
    """

    hyperparameters: ClassVar[Sequence[str]] = ()
    """The fields that an architecture may decide: see :mod:`nni_nasplus.networks.hyperparameters`."""

    epochs: int
    patience: int | None = None
    seed: int = 0
    distillation: Distillation | Mapping[str, Any] | None = None
    clip: float = 1.0
    latency: bool | Mapping[str, Any] = False
    annealed: bool = False

    def __post_init__(self) -> None:
        self.direction  # noqa: B018  # who does not know the objective says so
        if isinstance(self.distillation, Mapping):
            object.__setattr__(self, "distillation", Distillation.of(self.distillation))

    @property
    def init_args(self) -> dict[str, Any]:
        """The arguments that make this evaluator again, as JSON values."""
        return asdict(self)

    @property
    def _timing(self) -> Timing:
        return Timing(**({} if isinstance(self.latency, bool) else self.latency))

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Let the global generators draw from the seed in the block; they are set back after it."""
        with isolate_rng():
            pl.seed_everything(self.seed, workers=True, verbose=False)
            yield

    def tuned(self, architecture: Mapping[str, Any]) -> Self:
        """This evaluator with the hyperparameters that an architecture decides."""
        return replace(self, **{name: architecture[name] for name in self.hyperparameters if name in architecture})

    def evaluate(
        self,
        space: NetworkSpace,
        architecture: Mapping[str, Any],
        directory: str | Path,
        reporter: Reporter | None = None,
        run: str | Path | None = None,
        epochs: int | None = None,
    ) -> dict[str, float]:
        """Train one architecture and report it; its weights are left in ``directory/model.safetensors``.

        Parameters
        ----------
        space, architecture
            The network is the space's of this architecture.
        directory
            The trial's folder, made if need be.
        reporter
            Whom to tell; the Python log if None.
        run
            The run directory, whose best trials may teach this one, and which may have weights for it to begin with;
            without it, it is trained by itself and anew.
        epochs
            How many epochs to train, see :meth:`fit`.

        Returns
        -------
        The validation metrics, with ``parameters``, ``flops`` (of one forward pass of one
        example), ``latency_ms`` where it is asked for, and what :meth:`fit` adds to them.

        Raises
        ------
        TrialFailed
            If a metric becomes NaN or infinite.
        UserError
            If ``epochs`` is outside the schedule.
        """
        reporter = reporter or LogReporter()
        chosen = self.tuned(architecture)
        teachers = self._teachers(space, architecture, run)
        with self.seeded():
            network = space.build(architecture)
        if run is not None:
            _inherit(network, inherited_weights(run, space.search_space.key(architecture)))
        size = {
            "parameters": float(count_parameters(network)),
            "flops": float(count_flops(network, space.example())),
            **({"latency_ms": self._timing.ms(network, space.example())} if self.latency else {}),
        }
        metrics, ended = chosen._fit(network, Path(directory), reporter, teachers, epochs)
        metrics |= size
        outcome = Outcome(
            score=metrics[self.objective],
            metrics=metrics,
            cost=metrics.get("seconds"),
            teachers=() if teachers is None else teachers.numbers,
            epochs=None if epochs is None else self.epochs if ended and not self.annealed else epochs,
        )
        write_outcome(Path(directory), outcome)
        _forget(directory, ended)
        reporter.final(outcome)
        if reporter.output is not None:
            with suppress(UserError):
                export_onnx(network, space.example(), reporter.output / "model.onnx")
        return metrics

    def fit(
        self,
        network: nn.Module,
        directory: str | Path,
        reporter: Reporter | None = None,
        teachers: Teachers | None = None,
        epochs: int | None = None,
    ) -> dict[str, float]:
        """Train a network in place and save it in ``directory``.

        It ends with the weights of the schedule's end, which vary less than those of a lucky epoch; where training
        stopped early, with those of the best epoch.

        Parameters
        ----------
        network
            The network as it was built. One that :class:`~nni_nasplus.networks.fits_itself.FitsItself` does so
            instead, at once and whatever the epochs, and learns from no teachers.
        directory
            The folder of its weights, made if need be.
        reporter
            Whom to tell of each epoch; the Python log if None.
        teachers
            What it also learns from.
        epochs
            Train until so many epochs, from 1 to ``self.epochs``, of the one schedule are over, and end with the
            weights of the last of them. Where that is before the schedule's end, ``last.ckpt`` in the folder is what
            a call of more epochs goes on from, as if there had been no break. A folder that has come further stays as
            it is. If None, train from the beginning to the end. An ``annealed`` evaluator goes on from nothing.

        Returns
        -------
        The validation metrics, the ``seconds`` of this call, and the ``epochs`` after which the weights were what they
        are, but for a network that fits itself.

        Raises
        ------
        TrialFailed
            If a metric becomes NaN or infinite.
        UserError
            If ``epochs`` is outside the schedule.
        """
        metrics, ended = self._fit(network, Path(directory), reporter or LogReporter(), teachers, epochs)
        _forget(directory, ended)
        return metrics

    def _fit(
        self, network: nn.Module, directory: Path, reporter: Reporter, teachers: Teachers | None, epochs: int | None
    ) -> tuple[dict[str, float], bool]:
        """What :meth:`fit` gives, and whether training has ended for good.

        What training would go on from stays until the result is kept: who is killed in between repeats an epoch, not
        all of them.
        """
        part = self._part(directory, epochs)
        if self.annealed and epochs is not None:
            return replace(self, epochs=epochs, annealed=False)._fit(network, directory, reporter, teachers, epochs)
        directory.mkdir(parents=True, exist_ok=True)
        started, found = time.perf_counter(), {}
        if isinstance(network, FitsItself):
            with self.seeded():
                network.fit_to(self.data(), self.seed)
            task = self.task(network)
        else:
            task, last = self._train(network, directory, reporter, teachers, part)
            found = {"epochs": float(last)}
        save_weights(network, directory / WEIGHTS)
        metrics = self._score("validate", task)
        if isinstance(task, Predicting):
            task.predictions.save(directory / PREDICTIONS)
        is_over = part is None or not part.unfinished
        return metrics | {"seconds": time.perf_counter() - started} | found, is_over

    def refit(self, network: nn.Module, directory: str | Path, epochs: int) -> None:
        """Train a network in place on training and validation examples, and save it in ``directory``.

        Nothing is measured, so nothing can stop it early, and it learns from no teachers.

        Parameters
        ----------
        network
            The network as it was built.
        directory
            The folder of its weights, made if need be.
        epochs
            How many, from 1 to ``self.epochs``, of the schedule, which is as long as in :meth:`fit`; of a network that
            :class:`~nni_nasplus.networks.fits_itself.FitsItself`, its rounds.

        Raises
        ------
        UserError
            If ``epochs`` is outside the schedule, or there is no such data: see :meth:`refit_data`.
        """
        directory, data = Path(directory), self.refit_data()
        with quiet_lightning(), self.seeded():
            if isinstance(network, FitsItself):
                network.fit_to(data, self.seed, epochs)
            else:
                self._require_within(epochs)
                trainer = self._trainer(directory, LogReporter(), [Ending(epochs)], **_UNSEEN)
                trainer.fit(self.task(network), datamodule=data)
        save_weights(network, directory / WEIGHTS)

    def _train(
        self, network: nn.Module, directory: Path, reporter: Reporter, teachers: Teachers | None, part: Part | None
    ) -> tuple[pl.LightningModule, int]:
        """Train by a schedule of epochs, in which ``part`` says where to begin and to end.

        Returns
        -------
        The task, and after how many epochs its weights were what they are.
        """
        best = best_epoch(directory, self.objective, self.direction)
        stop = early_stopping(self.objective, self.direction, self.epochs if self.patience is None else self.patience)
        with quiet_lightning(), self.seeded():
            task = self._taught(network, teachers)
            callbacks = [KeepCurve(directory), stop, best, *([part] if part else [])]
            trainer = self._trainer(directory, reporter, callbacks)
            trainer.fit(task, datamodule=self.data(), ckpt_path=part.left if part else None)
        if part is not None and part.unfinished:
            return task, trainer.current_epoch
        restored = restore_best(task, directory) if stop.stopped_epoch > 0 else None
        return task, restored or trainer.current_epoch

    def validated(self, network: nn.Module) -> dict[str, float]:
        """The metrics of a trained network on all validation examples."""
        return self._score("validate", self.task(network))

    def test(self, network: nn.Module) -> dict[str, float]:
        """The metrics of a trained network on the test split, which the search never sees."""
        return self._score("test", self.task(network))

    def tested(self, network: nn.Module) -> tuple[dict[str, float], Predictions | None]:
        """What :meth:`test` gives, and what the network says of the test examples, where such can be joined."""
        if not self.joins:
            return self.test(network), None
        task = self.task(network)
        metrics = self._score("test", task)
        return metrics, task.predictions if isinstance(task, Predicting) else None

    def _part(self, directory: Path, epochs: int | None) -> Part | None:
        if epochs is None:
            return None
        self._require_within(epochs)
        return Part(directory, epochs, self.epochs)

    def _require_within(self, epochs: int) -> None:
        if not 1 <= epochs <= self.epochs:
            raise UserError(f"epochs is {epochs}; use 1 to {self.epochs}, the epochs of the schedule")

    def _teachers(
        self, space: NetworkSpace, architecture: Mapping[str, Any], run: str | Path | None
    ) -> Teachers | None:
        if not isinstance(self.distillation, Distillation) or run is None:
            return None
        return find_teachers(run, space, architecture, self.distillation, self.examples())

    def _taught(self, network: nn.Module, teachers: Teachers | None) -> pl.LightningModule:
        task = self.task(network)
        if teachers is not None:
            if not isinstance(task, Distilled):
                raise UserError(f"{type(task).__name__} cannot be distilled; give it the mixin Distilled")
            task.teachers = teachers
        return task

    def _score(self, split: str, task: pl.LightningModule) -> dict[str, float]:
        with quiet_lightning(), isolate_rng():
            trainer = pl.Trainer(logger=False, enable_checkpointing=False, **quiet_arguments())
            getattr(trainer, split)(task, datamodule=self.data(), verbose=False)
        metrics = logged_metrics(trainer, {"validate": "val_", "test": "test_"}[split])
        require_finite(metrics, f"on the {split} split")
        return metrics

    def _trainer(self, directory: Path, reporter: Reporter, callbacks: list[pl.Callback], **options: Any) -> pl.Trainer:
        told = [ReportMetrics(self.objective, reporter), *callbacks]
        return training_trainer(
            directory, reporter, told, max_epochs=self.epochs, gradient_clip_val=self.clip, **options
        )


def _forget(directory: str | Path, ended: bool) -> None:
    """Remove what training would go on from, if it has ended for good."""
    for checkpoint in (LAST, BEST) if ended else ():
        (Path(directory) / checkpoint).unlink(missing_ok=True)


def _inherit(network: nn.Module, weights: Path) -> None:
    """Take over weights, if there are any."""
    if weights.is_file():
        load_weights(network, weights, "remove it to train anew")
