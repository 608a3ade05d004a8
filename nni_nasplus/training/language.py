"""The evaluator of language modelling."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.seed import isolate_rng
from torch import nn

from nni_nasplus.data.text.module import TextDataModule
from nni_nasplus.data.text.vocabulary import Vocabulary
from nni_nasplus.errors import UserError
from nni_nasplus.training.averaging import AVERAGING, NON_MONOTONE, Averaging
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.language_baselines import recurrent_baselines
from nni_nasplus.training.language_model import DIRECTIONS, LanguageModel

if TYPE_CHECKING:
    from nni_nasplus.spaces.recurrent.language_model import RecurrentLanguageModel

__all__ = ["LanguageModel", "LanguageModelling"]


class LanguageModelling(Evaluator):
    """Train and score language models; the defaults are those of NAS-Bench-NLP (arXiv 2006.07116).

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
    alpha, beta
        Weights of the penalties of activations and of their changes.
    averaging
        ``asgd`` averages the weights of all steps, ``nt-asgd`` those from when the validation loss stops improving,
        ``none`` none.
    clip
        The most that the norm of a gradient is.
    compat
        Train as the published code does, which leaves weights that are dropped as they began.

    Raises
    ------
    UserError
        If the objective or the averaging is unknown, or training would stop before the average began.
    """

    directions = DIRECTIONS

    def __init__(
        self,
        cache: str,
        *,
        objective: str = "perplexity",
        epochs: int = 50,
        patience: int = 5,
        batch_size: int = 20,
        bptt: int = 70,
        learning_rate: float = 1e-3,
        weight_decay: float = 1.2e-6,
        alpha: float = 2.0,
        beta: float = 1.0,
        averaging: Averaging = "none",
        clip: float = 0.25,
        compat: bool = False,
        seed: int = 0,
    ) -> None:
        _check(objective, averaging, patience)
        super().__init__(objective=objective, epochs=epochs, patience=patience, seed=seed)
        self.cache = str(Path(cache).resolve())
        self.batch_size, self.bptt = batch_size, bptt
        self.gradient_clip = clip
        self.training = {
            "learning_rate": learning_rate,
            "weight_decay": weight_decay,
            "alpha": alpha,
            "beta": beta,
            "averaging": averaging,
            "compat": compat,
        }
        self.init_args = {
            "cache": self.cache,
            "objective": objective,
            "epochs": epochs,
            "patience": patience,
            "batch_size": batch_size,
            "bptt": bptt,
            **self.training,
            "clip": clip,
            "seed": seed,
        }

    def data(self) -> pl.LightningDataModule:
        """A fresh data module over the cache; UserError if the text is too short."""
        return TextDataModule(self.cache, batch_size=self.batch_size, bptt=self.bptt, seed=self.seed)

    def task(self, network: nn.Module) -> pl.LightningModule:
        """A language model in training; UserError if the network is too small for the vocabulary."""
        network = cast("RecurrentLanguageModel", network)
        self.preprocessing().require_known_by(network.vocabulary)
        return LanguageModel(network, bptt=self.bptt, **self.training)  # type: ignore[arg-type]

    def preprocessing(self) -> Vocabulary:
        """The vocabulary of the training text."""
        return Vocabulary.load(self.cache)

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """A GRU and an LSTM of as many parameters as the winner."""
        with isolate_rng():
            torch.manual_seed(self.seed)
            return recurrent_baselines(cast("RecurrentLanguageModel", winner))


def _check(objective: str, averaging: str, patience: int) -> None:
    if objective not in DIRECTIONS:
        raise UserError(f"unknown objective '{objective}'; choose one of {', '.join(DIRECTIONS)}")
    if averaging not in AVERAGING:
        raise UserError(f"unknown averaging '{averaging}'; choose one of {', '.join(AVERAGING)}")
    if averaging == "nt-asgd" and patience < (least := NON_MONOTONE + 2):
        raise UserError(
            f"with patience {patience} training stops before the average of nt-asgd begins; use {least} or more"
        )
