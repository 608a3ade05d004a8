"""The loss of a student beside its teachers, and the mixin that gives it to a module."""

from __future__ import annotations

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus.training.distillation.loss import Distilled, Teachers, distillation_loss
from nni_nasplus.training.distillation.settings import Distillation


class TestLoss:
    """By hand, B = 3, C = 2."""

    student = torch.tensor([[1.0, -1.0], [0.5, 2.0], [0.0, 0.0]])
    teacher = torch.tensor([[[2.0, 0.0], [0.5, 1.0], [1.0, 3.0]], [[1.0, -1.0], [0.0, 2.0], [4.0, 0.0]]])
    loss = torch.tensor(0.7)

    def test_squared_error(self):
        first = 0.5 * np.mean([1, 1, 0, 1, 1, 9])
        second = 0.5 * np.mean([0, 0, 0.25, 0, 16, 0])
        found = distillation_loss(self.loss, self.student, self.teacher, Distillation(weight=0.3))
        assert found.item() == pytest.approx(0.7 * 0.7 + 0.3 * (first + second) / 2)

    @pytest.mark.parametrize("temperature", [1.0, 4.0])
    def test_divergence_is_torchs_own(self, temperature):
        settings = Distillation(weight=1.0, loss="kl", temperature=temperature)
        expected = [
            F.kl_div((self.student / temperature).log_softmax(-1), (t / temperature).softmax(-1), reduction="batchmean")
            for t in self.teacher
        ]
        found = distillation_loss(self.loss, self.student, self.teacher, settings)
        assert found.item() == pytest.approx(temperature**2 * sum(expected).item() / 2, rel=1e-5)

    @pytest.mark.parametrize("kind", ["mse", "kl"])
    def test_rows_that_are_not_finite_are_left_out_of_value_and_gradient(self, kind):
        settings = Distillation(loss=kind)
        holed = self.teacher.clone()
        holed[0, 1, 0], holed[0, 2, 1] = float("nan"), float("inf")
        student = self.student.clone().requires_grad_()
        found = distillation_loss(self.loss, student, holed[:1], settings)
        alone = distillation_loss(self.loss, self.student[:1], self.teacher[:1, :1], settings)
        assert found.item() == pytest.approx(alone.item())
        found.backward()
        assert student.grad[0].abs().sum() > 0
        assert student.grad[1:].abs().sum() == 0

    def test_a_teacher_without_a_finite_row_is_not_counted(self):
        holed = self.teacher.clone()
        holed[1] = float("nan")
        found = distillation_loss(self.loss, self.student, holed, Distillation())
        assert found == distillation_loss(self.loss, self.student, self.teacher[:1], Distillation())
        assert distillation_loss(self.loss, self.student, holed[1:], Distillation()) is self.loss

    def test_at_its_teacher_the_student_has_no_distance(self):
        for kind in ("mse", "kl"):
            found = distillation_loss(self.loss, self.student, self.student[None], Distillation(loss=kind))
            assert found.item() == pytest.approx(0.8 * 0.7)

    def test_logits_are_looked_up_by_sample_id(self):
        table = np.arange(6, dtype=np.float32).reshape(3, 2)
        found = Teachers(Distillation(), (0, 1), np.array([3, 7, 9]), (table, table + 10)).of(
            torch.tensor([9, 3, 8, 99])
        )
        assert found[0, :2].tolist() == [[4, 5], [0, 1]]
        assert found[1, :2].tolist() == [[14, 15], [10, 11]]
        assert found[:, 2:].isnan().all()


class Linear(Distilled, pl.LightningModule):
    """A user's own module over his own batches (ids, x, y)."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 3)

    def training_step(self, batch, batch_index):
        ids, x, y = batch
        logits = self.layer(x)
        return self.distilled(F.cross_entropy(logits, y), logits, ids)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.5)


def test_the_mixin_distils_a_module_of_ones_own():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(90, 2, generator=generator)
    target = torch.stack([x[:, 0], x[:, 1], -x.sum(1)], -1)
    ids, labels = torch.arange(90) * 2 + 5, torch.randint(3, (90,), generator=generator)
    module = Linear()
    module.teachers = Teachers(Distillation(weight=1.0), (4,), ids.numpy(), (target.numpy(),))
    loader = DataLoader(TensorDataset(ids, x, labels), 30, shuffle=True, generator=generator)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    pl.Trainer(max_epochs=60, enable_model_summary=False, **quiet).fit(module, loader)
    torch.testing.assert_close(module.layer(x), target, atol=0.05, rtol=0)
