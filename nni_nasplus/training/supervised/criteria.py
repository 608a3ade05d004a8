"""What is minimised, and how outputs and labels are compared: one criterion for each kind of target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from nni_nasplus.training.supervised.metrics import Family

__all__ = ["BinaryCrossEntropy", "Criterion", "CrossEntropy", "RegressionError"]


class Criterion(nn.Module, ABC):
    """The loss of outputs [B, C], and what metrics compare.

    Parameters
    ----------
    outputs
        The number C of outputs.
    """

    family: ClassVar[Family]
    """Of the metrics that measure it."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    @abstractmethod
    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of a batch, in which all examples count alike."""

    def weighted(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The loss to train by."""
        loss: Tensor = self(outputs, labels)
        return loss

    @abstractmethod
    def compared(self, outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """What metrics compare: the means that outputs stand for, and the truth."""


class CrossEntropy(Criterion):
    """Of classes that exclude each other; labels are int64 [B].

    Parameters
    ----------
    class_weights
        [C], in training alone; ones for none.
    """

    family = "classes"
    class_weights: Tensor

    def __init__(self, class_weights: Tensor) -> None:
        super().__init__(len(class_weights))
        self.register_buffer("class_weights", class_weights, persistent=False)

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(outputs, labels)

    def weighted(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Each example by the weight of its class."""
        return cross_entropy(outputs, labels, weight=self.class_weights)

    def compared(self, outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities [B, C] and classes [B]."""
        return outputs.softmax(-1), labels


class BinaryCrossEntropy(Criterion):
    """Of labels of which an example may have any; labels are float32 [B, C] of 0 and 1.

    Parameters
    ----------
    positive_weights
        [C], of the examples that have a label, in training alone; ones for none.
    """

    family = "tags"
    positive_weights: Tensor

    def __init__(self, positive_weights: Tensor) -> None:
        super().__init__(len(positive_weights))
        self.register_buffer("positive_weights", positive_weights, persistent=False)

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(outputs, labels)

    def weighted(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Those with a label by its weight."""
        return binary_cross_entropy_with_logits(outputs, labels, pos_weight=self.positive_weights)

    def compared(self, outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities and truth, both [B, C]."""
        return outputs.sigmoid(), labels.long()


class RegressionError(Criterion):
    """Of a number; labels and outputs are float32 [B, 1] in standard units, (number − centre) / scale.

    Parameters
    ----------
    centre, scale
        What standard units are, for metrics in the units of the data.
    loss
        ``squared`` (half of it, as of a Gaussian) or ``absolute``.
    """

    family = "numbers"

    def __init__(self, centre: float, scale: float, loss: Literal["squared", "absolute"] = "squared") -> None:
        super().__init__(1)
        self.centre, self.scale, self.loss = centre, scale, loss

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        error = outputs - labels
        return error.abs().mean() if self.loss == "absolute" else 0.5 * error.square().mean()

    def compared(self, outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers [B] said and true, in the units of the data."""
        said, true = ((x.double() * self.scale + self.centre).squeeze(-1) for x in (outputs, labels))
        return said, true
