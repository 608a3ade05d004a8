"""Our searches inside one trial as one-shot strategies of NNI, beside its ``DARTS``, ``ENAS`` and ``RandomOneShot``."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from nni.nas.evaluator.pytorch.lightning import Lightning
from nni.nas.evaluator.pytorch.lightning import LightningModule as NniModule
from nni.nas.oneshot.pytorch.strategy import OneShotStrategy
from torch import nn

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.one_shot.fit import made
from nni_nasplus.one_shot.one_shot import OneShot
from nni_nasplus.search.space import Architecture

__all__ = ["OneShotSearch"]


class OneShotSearch(OneShotStrategy):
    """Run a :class:`~nni_nasplus.one_shot.one_shot.OneShot` with the trainer and on the data of an NNI evaluator.

    The evaluator's module says the loss, where a search trains by one. The trainer's ``max_epochs`` limits the epochs;
    for TE-NAS they are rounds, and three of them are enough for NAS-Bench-201 and for DARTS.

    Parameters
    ----------
    name
        In the entry-point group ``nni_nasplus.one_shot``, such as ``"tenas"``.
    seed, settings
        Of the search: see :func:`~nni_nasplus.one_shot.fit.made`.

    Raises
    ------
    UserError
        If no installed package provides the search.

    Examples
    --------
    >>> strategy = OneShotSearch("tenas", seed=1)
    >>> experiment = nni.nas.experiment.NasExperiment(NasBench201Space(), evaluator, strategy)
    >>> experiment.run()
    >>> experiment.export_top_models(formatter="dict")
    """

    def __init__(self, name: str, *, seed: int = 0, **settings: Any) -> None:
        super().__init__()
        kind = registry.load("one_shot", name)
        self.kind: type[OneShot] = type(kind.__name__, (kind, _Exporting), {})
        self.seed = seed
        self.settings = settings

    def mutate_model(self, model: Any) -> Any:
        """The space as it is: the search has supernets of its own.

        Raises
        ------
        UserError
            If the space is none of this package.
        """
        if not isinstance(model, NetworkSpace):
            raise UserError(f"{type(model).__name__} has no supernet of ours; search it with NNI's strategies")
        self._space = model
        return model

    def mutate_evaluator(self, evaluator: Lightning) -> Lightning:
        """The evaluator that searches.

        Raises
        ------
        UserError
            If the space has no supernet, or a setting or the data are refused.
        """
        search = made(self.kind, self._space, _Data(evaluator), seed=self.seed, **self.settings)
        return Lightning(search, evaluator.trainer, fit_kwargs=evaluator.fit_kwargs)


class _Exporting(NniModule):
    """What NNI asks of a one-shot module."""

    def set_model(self, model: nn.Module) -> None:
        """Nothing: what is searched is known already."""

    def export(self) -> Architecture:
        """The best that was found."""
        return self.architectures().architectures[0]  # type: ignore[operator]


class _Data:
    """The loaders of an NNI evaluator, and the loss of its module."""

    def __init__(self, evaluator: Lightning) -> None:
        self.evaluator = evaluator

    def data(self) -> Any:
        """The evaluator's data module, or what has its loaders."""
        if self.evaluator.datamodule is None:
            return self
        self.evaluator.datamodule.setup("fit")
        return self.evaluator.datamodule

    def task(self, network: nn.Module) -> pl.LightningModule:
        """The evaluator's module with a network."""
        self.evaluator.module.set_model(network)
        return self.evaluator.module

    def validation_half(self) -> Any:
        """The validation batches as they come."""
        return self.data().val_dataloader()

    def train_dataloader(self) -> Any:
        """Of the training data, empty where there are none."""
        return self.evaluator.train_dataloaders or []

    def val_dataloader(self) -> Any:
        """Of the validation data, empty where there are none."""
        return self.evaluator.val_dataloaders or []
