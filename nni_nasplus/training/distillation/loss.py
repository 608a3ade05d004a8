"""Distillation in a Lightning module: the losses, and a mixin that adds them to any classification's training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nni_nasplus.training.distillation.settings import Distillation

__all__ = ["Distilled", "Teachers", "distillation_loss", "half_squared_error", "softened_divergence"]


def half_squared_error(student: Tensor, teacher: Tensor) -> Tensor:
    """½ · MSE over the classes (SeqNAS, arXiv 2401.03246): logits [..., C] → [...]."""
    return 0.5 * (student - teacher).square().mean(-1)


def softened_divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² · KL(teacher ‖ student) of the softmax at temperature T (Hinton et al., arXiv 1503.02531).

    Logits [..., C] → [...]. The factor keeps the gradient's size as T changes.
    """
    target = (teacher / temperature).log_softmax(-1)
    log_ratio = target - (student / temperature).log_softmax(-1)
    return temperature**2 * (target.exp() * log_ratio).sum(-1)


def distillation_loss(loss: Tensor, student: Tensor, teachers: Tensor, settings: Distillation) -> Tensor:
    """``(1 − weight) · loss + weight · the mean over the teachers of their mean distance to the student``.

    Parameters
    ----------
    loss
        Scalar: what the student minimises by itself.
    student
        [B, C] logits.
    teachers
        [T, B, C] logits. A teacher's rows that are not finite are left out, and so is a teacher without a finite row;
        where nothing is left, ``loss`` is returned as it is.
    """
    student = student.float()
    finite = teachers.isfinite().all(-1)
    heard = finite.any(-1)
    if not heard.any():
        return loss
    teachers = torch.where(finite.unsqueeze(-1), teachers, student.detach())
    if settings.loss == "mse":
        distance = half_squared_error(student, teachers)
    else:
        distance = softened_divergence(student, teachers, settings.temperature)
    by_teacher = (distance * finite).sum(-1)[heard] / finite.sum(-1)[heard]
    return (1 - settings.weight) * loss + settings.weight * by_teacher.mean()


@dataclass(frozen=True)
class Teachers:
    """What T earlier trials answer on the N training samples."""

    settings: Distillation
    numbers: tuple[int, ...]
    """[T] the trials' numbers, best first."""
    ids: NDArray[np.int64]
    """[N] sample ids, ascending."""
    logits: tuple[NDArray[np.float32], ...]
    """T times [N, C], in the order of the ids; mapped files."""

    def of(self, ids: Tensor) -> Tensor:
        """The logits [T, B, C] of samples ``ids`` [B], NaN for those that are not among the training samples."""
        wanted = ids.cpu().numpy()
        place = np.searchsorted(self.ids, wanted).clip(max=len(self.ids) - 1)
        found = np.stack([logits[place] for logits in self.logits])
        found[:, self.ids[place] != wanted] = np.nan
        return torch.from_numpy(found).to(ids.device)


class Distilled:
    """Mixin of a classification's Lightning module: its training also follows its ``teachers``, if it has any.

    Examples
    --------
    >>> class Mine(Distilled, pl.LightningModule):
    ...     def training_step(self, batch, batch_index):
    ...         logits = self(batch)
    ...         return self.distilled(cross_entropy(logits, batch.label), logits, batch.row)
    >>> module.teachers = find_teachers(run, space, architecture, Distillation(), examples)
    """

    teachers: Teachers | None = None

    def distilled(self, loss: Tensor, logits: Tensor, ids: Tensor) -> Tensor:
        """The loss to train with. Call it in ``training_step`` alone: validation and test know no teachers.

        Parameters
        ----------
        loss
            Scalar: the loss without teachers.
        logits
            [B, C], of this module.
        ids
            [B] int64: the samples of the batch.
        """
        if self.teachers is None:
            return loss
        return distillation_loss(loss, logits, self.teachers.of(ids), self.teachers.settings)
