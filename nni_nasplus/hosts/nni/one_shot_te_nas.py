"""TE-NAS as a one-shot strategy of NNI, beside its ``DARTS``, ``ENAS`` and ``RandomOneShot``."""

from __future__ import annotations

from typing import Any

from nni.nas.evaluator.pytorch.lightning import Lightning
from nni.nas.evaluator.pytorch.lightning import LightningModule as NniModule
from nni.nas.oneshot.pytorch.strategy import OneShotStrategy
from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.te_nas import TENAS, drawn_from, networks_of

__all__ = ["OneShotTENAS"]


class OneShotTENAS(OneShotStrategy):
    """Run :class:`~nni_nasplus.strategies.te_nas.TENAS` with the trainer and on the training data of an evaluator.

    Nothing is trained: the evaluator's module, its loss and its validation data are not used. The trainer's
    ``max_epochs`` limits the rounds; three of them are enough for NAS-Bench-201 and for DARTS.

    Parameters
    ----------
    examples
        How many training examples batches are drawn from.
    settings
        Of :class:`~nni_nasplus.strategies.te_nas.TENAS`.

    Examples
    --------
    >>> strategy = OneShotTENAS(seed=1)
    >>> experiment = nni.nas.experiment.NasExperiment(NasBench201Space(), evaluator, strategy)
    >>> experiment.run()
    >>> experiment.export_top_models(formatter="dict")
    """

    def __init__(self, *, examples: int = 1000, **settings: Any) -> None:
        super().__init__()
        self.examples = examples
        self.settings = settings

    def mutate_model(self, model: Any) -> Any:
        """The space as it is: TE-NAS has supernets of its own.

        Raises
        ------
        UserError
            If the space is none of this package.
        """
        if not isinstance(model, NetworkSpace):
            raise UserError(f"{type(model).__name__} has no supernet of ours; search it with NNI's strategies")
        self._networks = networks_of(model)
        return model

    def mutate_evaluator(self, evaluator: Lightning) -> Lightning:
        """The evaluator that searches."""
        if evaluator.datamodule is not None:
            evaluator.datamodule.setup("fit")
            loader = evaluator.datamodule.train_dataloader()
        else:
            loader = evaluator.train_dataloaders
        module = _Search(self._networks, drawn_from(loader or [], self.examples), **self.settings)
        return Lightning(module, evaluator.trainer, fit_kwargs=evaluator.fit_kwargs)


class _Search(TENAS, NniModule):
    """What NNI asks of a one-shot module."""

    def set_model(self, model: nn.Module) -> None:
        """Nothing: what is searched is known already."""

    def export(self) -> Architecture:
        """What is left."""
        return self.architecture
