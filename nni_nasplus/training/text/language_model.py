"""Language modelling as a Lightning module."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol, cast

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import MeanMetric

from nni_nasplus.data.text.batches import IGNORED, TextBatch
from nni_nasplus.errors import TrialFailed
from nni_nasplus.search.history import Direction
from nni_nasplus.training.text.averaging import Averaging, WeightAverage
from nni_nasplus.training.text.positions import ByPosition

__all__ = ["DIRECTIONS", "LanguageModel", "LanguageNetwork", "Outcome", "States", "activation_penalty"]

DIRECTIONS: Mapping[str, Direction] = {"perplexity": "minimize", "loss": "minimize", "bits_per_token": "minimize"}
States = tuple[tuple[Tensor, ...], ...]
"""For each layer its hidden states, each [B, H]."""
_RESUME = "language_model"
"""The part of a checkpoint that is not Lightning's."""


class Outcome(Protocol):
    """What a network makes of tokens [T, B] of a vocabulary of V."""

    @property
    def logits(self) -> Tensor:
        """[T, B, V] of the tokens after each."""

    @property
    def states(self) -> States:
        """The layers' last states, to go on from."""

    @property
    def raw(self) -> Tensor:
        """[T, B, E] the last layer's output."""

    @property
    def dropped(self) -> Tensor:
        """[T, B, E] the same after dropout: what is decoded."""


class LanguageNetwork(Protocol):
    """A :class:`torch.nn.Module` that can be trained as a language model."""

    @property
    def vocabulary(self) -> int:
        """The number of tokens that it knows."""

    @property
    def dropped_weights(self) -> list[Tensor]:
        """The weights whose entries are dropped in training."""

    def __call__(self, tokens: Tensor, states: States | None = None) -> tuple[Tensor, States]:
        """Logits [T, B, V] of the tokens after each of [T, B], and the last states."""

    def run(self, tokens: Tensor, states: States | None = None) -> Outcome:
        """All that training needs, of tokens [T, B] and first states, zero if None."""


def activation_penalty(outcome: Outcome, alpha: float, beta: float) -> Tensor:
    """α · the mean square of outputs after dropout + β · that of the raw outputs' changes (arXiv 1708.01009)."""
    penalty = alpha * outcome.dropped.square().mean()
    if len(outcome.raw) > 1:
        penalty = penalty + beta * outcome.raw.diff(dim=0).square().mean()
    return penalty


class LanguageModel(pl.LightningModule):
    """Truncated back-propagation through time as in AWD-LSTM (arXiv 1708.02182), with Adam.

    States go on from batch to batch, without their gradients. It logs the mean over the tokens of the cross-entropy,
    ``train_loss``, ``val_loss`` and ``test_loss``, and of the latter two the ``perplexity`` exp(loss) and the
    ``bits_per_token`` loss / ln 2. A checkpoint has all that training needs to go on exactly, in an epoch too.

    Parameters
    ----------
    network
        The language model.
    learning_rate
        For a batch of ``bptt`` tokens a column; in proportion for others.
    alpha, beta
        Of :func:`activation_penalty`, in training.
    averaging
        When to begin to average weights: see :class:`~nni_nasplus.training.text.averaging.WeightAverage`.
        Validation uses the mean, and the network ends with it.
    compat
        Leave the weights that are dropped as they began, as the code of NAS-Bench-NLP (arXiv 2006.07116) does: it drops
        from a copy that no gradient comes back from.

    Raises
    ------
    TrialFailed
        As soon as a training loss is not finite.
    """

    def __init__(
        self,
        network: LanguageNetwork,
        *,
        learning_rate: float = 1e-3,
        weight_decay: float = 1.2e-6,
        alpha: float = 2.0,
        beta: float = 1.0,
        bptt: int = 70,
        averaging: Averaging = "none",
        compat: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.alpha, self.beta, self.bptt = alpha, beta, bptt
        self.averaging, self.compat = averaging, compat
        self.mean_loss = MeanMetric(nan_strategy=math.nan)  # keeps NaN; "disable" would do so without the weights
        self._states: dict[str, States] = {}
        self._average: WeightAverage | None = None
        self._resumed: dict[str, Any] | None = None
        self._by_position = ByPosition()

    def forward(self, tokens: Tensor, states: States | None = None) -> tuple[Tensor, States]:
        """Logits [T, B, V] of the tokens after each of [T, B], and the last states."""
        return self.network(tokens, states)

    def training_step(self, batch: TextBatch, batch_index: int) -> Tensor:
        """The cross-entropy of a batch and the penalty of its activations."""
        outcome = self._run(batch, "train")
        loss = _cross_entropy(outcome.logits, batch.targets)
        self.log("train_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=batch.targets.numel())
        loss = loss + activation_penalty(outcome, self.alpha, self.beta)
        if not loss.isfinite():
            raise TrialFailed(
                f"the training loss is {loss.item()} in batch {batch_index + 1} of epoch {self.current_epoch + 1}: "
                "training diverged"
            )
        return loss

    def validation_step(self, batch: TextBatch, batch_index: int) -> None:
        """Take in a batch."""
        self._measure(batch, "val")

    def test_step(self, batch: TextBatch, batch_index: int) -> None:
        """Take in a batch."""
        self._by_position.take(*self._measure(batch, "test"), first=batch.first)

    def on_validation_epoch_end(self) -> None:
        """Log ``val_*``."""
        loss = self._log_means("val")
        if self._average is not None:
            self._average.check(loss)

    def on_test_epoch_start(self) -> None:
        """Forget the pass before."""
        self._by_position = ByPosition()

    def on_test_epoch_end(self) -> None:
        """Log ``test_*``, and the perplexity by how much was read before."""
        self._log_means("test")
        self.log_dict({f"test_{name}": value for name, value in self._by_position.perplexities.items()})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        fixed = {id(weight) for weight in self.network.dropped_weights} if self.compat else set()
        trained = [parameter for parameter in self.parameters() if id(parameter) not in fixed]
        return torch.optim.Adam(trained, lr=self.learning_rate, weight_decay=self.weight_decay)

    def on_train_start(self) -> None:
        """Begin, or go on from a checkpoint."""
        self._average = WeightAverage(cast("nn.Module", self.network), self.averaging)
        if self._resumed is not None:
            self._average.load_state_dict(self._resumed["average"])
            states = self._resumed["states"]
            self._states = {"train": _each(states, self.device)} if states else {}
            torch.set_rng_state(self._resumed["rng"])
            if self._resumed["cuda_rng"]:
                torch.cuda.set_rng_state_all(self._resumed["cuda_rng"])
            self._resumed = None

    def on_train_batch_start(self, batch: TextBatch, batch_index: int) -> None:
        """Set the learning rate for the batch's length."""
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate * len(batch.tokens) / self.bptt

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Take a step, and average the weights after it, if it is time."""
        super().optimizer_step(*args, **kwargs)
        if self._average is not None:
            self._average.update()

    def on_validation_start(self) -> None:
        """Use the mean of the weights."""
        if self._average is not None:
            self._average.swap()

    def on_validation_end(self) -> None:
        """Go back to the weights in training."""
        if self._average is not None:
            self._average.swap()

    def on_train_end(self) -> None:
        """End with the mean of the weights."""
        if self._average is not None:
            self._average.swap()
            self._average = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the mean of the weights as the weights, and what training goes on from."""
        if self._average is not None:
            mean = self._average.mean.state_dict()
            checkpoint["state_dict"] |= {f"network.{name}": value for name, value in mean.items()}
            checkpoint[_RESUME] = {
                "average": self._average.state_dict(),
                "states": self._states.get("train"),
                "rng": torch.get_rng_state(),
                "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remember them until training starts."""
        self._resumed = checkpoint.get(_RESUME)

    @property
    def carried(self) -> States | None:
        """The states that training goes on from; None at first."""
        return self._states.get("train")

    @carried.setter
    def carried(self, states: States | None) -> None:
        self._states = {name: found for name, found in self._states.items() if name != "train"}
        if states is not None:
            self._states["train"] = states

    def _run(self, batch: TextBatch, stage: str) -> Outcome:
        outcome = self.network.run(batch.tokens, None if batch.first else self._states.get(stage))
        self._states[stage] = tuple(tuple(state.detach() for state in layer) for layer in outcome.states)
        return outcome

    def _measure(self, batch: TextBatch, stage: str) -> tuple[Tensor, Tensor]:
        """Take in a batch: the loss of each token, and which of them count, both [T, B]."""
        logits, known = self._run(batch, stage).logits, batch.targets != IGNORED
        losses = F.cross_entropy(
            logits.flatten(0, 1).float(), batch.targets.flatten(), ignore_index=IGNORED, reduction="none"
        ).view_as(batch.targets)
        self.mean_loss.update(losses.sum() / known.sum(), known.sum())
        return losses, known

    def _log_means(self, stage: str) -> float:
        loss = self.mean_loss.compute()
        self.mean_loss.reset()
        means = {"loss": loss, "perplexity": loss.exp(), "bits_per_token": loss / math.log(2)}
        self.log_dict({f"{stage}_{name}": value for name, value in means.items()})
        return loss.item()


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Of logits [T, B, V] and targets [T, B], the mean over those that are there."""
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED)


def _each(states: States, device: torch.device) -> States:
    return tuple(tuple(state.to(device) for state in layer) for layer in states)
