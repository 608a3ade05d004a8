"""The evaluator of language modelling."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import cast

import pytorch_lightning as pl
from torch import nn

from nni_nasplus.data.text.batches import TextBatches
from nni_nasplus.data.text.module import TextDataModule
from nni_nasplus.data.text.vocabulary import Vocabulary
from nni_nasplus.errors import UserError
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.rates import require_rates
from nni_nasplus.training.text.averaging import AVERAGING, NON_MONOTONE, Averaging
from nni_nasplus.training.text.language_model import DIRECTIONS, LanguageModel, LanguageNetwork

__all__ = ["LanguageModelling"]


@dataclass(frozen=True)
class LanguageModelling(Evaluator):
    """Train and score language models; :class:`~nni_nasplus.training.evaluator.Evaluator` has the rest.

    The defaults are those of NAS-Bench-NLP (arXiv 2006.07116).

    Parameters
    ----------
    cache
        The folder that :func:`nni_nasplus.data.text.prepare_text` wrote.
    objective
        ``perplexity``, ``loss`` or ``bits_per_token``.
    batch_size
        Columns of the text that are read side by side.
    bptt
        Tokens through which gradients go back, about.
    learning_rate
        Of Adam, for a batch of ``bptt`` tokens a column.
    weight_decay
        Of Adam.
    alpha, beta
        Weights of the penalties of activations and of their changes.
    averaging
        ``asgd`` averages the weights of all steps, ``nt-asgd`` those from when the validation loss stops improving,
        ``none`` none.
    compat
        Train as the published code does, which leaves weights that are dropped as they began.

    Raises
    ------
    UserError
        If the objective or the averaging is unknown, a rate is out of range, or training would stop before the
        average began.
    """

    directions = DIRECTIONS
    hyperparameters = ("learning_rate", "weight_decay")

    cache: str
    _: KW_ONLY
    objective: str = "perplexity"
    epochs: int = 50
    patience: int | None = 5
    batch_size: int = 20
    bptt: int = 70
    learning_rate: float = 1e-3
    weight_decay: float = 1.2e-6
    alpha: float = 2.0
    beta: float = 1.0
    averaging: Averaging = "none"
    clip: float = 0.25
    compat: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_rates(self)
        _check(self.averaging, self.patience)
        object.__setattr__(self, "cache", str(Path(self.cache).resolve()))

    def data(self) -> TextDataModule:
        """A fresh data module over the cache; UserError if the text is too short."""
        return TextDataModule(self.cache, batch_size=self.batch_size, bptt=self.bptt, seed=self.seed)

    def validation_half(self) -> TextBatches:
        """The validation text, read as the training text is."""
        return self.data().validation_half()

    def task(self, network: nn.Module) -> pl.LightningModule:
        """A language model in training; UserError if the network is too small for the vocabulary."""
        model = cast("LanguageNetwork", network)
        self.preprocessing().require_known_by(model.vocabulary)
        return LanguageModel(
            model,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            alpha=self.alpha,
            beta=self.beta,
            bptt=self.bptt,
            averaging=self.averaging,
            compat=self.compat,
        )

    def preprocessing(self) -> Vocabulary:
        """The vocabulary of the training text."""
        return Vocabulary.load(self.cache)


def _check(averaging: str, patience: int | None) -> None:
    if averaging not in AVERAGING:
        raise UserError(f"unknown averaging '{averaging}'; choose one of {', '.join(AVERAGING)}")
    if averaging == "nt-asgd" and patience is not None and patience < (least := NON_MONOTONE + 2):
        raise UserError(
            f"with patience {patience} training stops before the average of nt-asgd begins; use {least} or more"
        )
