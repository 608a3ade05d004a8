"""Training of language models goes on from any batch."""

from __future__ import annotations

import pytest
import pytorch_lightning as pl
import torch
from language_models import LIGHT, STRONG, model

from nni_nasplus.data.text import TextDataModule
from nni_nasplus.training.text.language_model import LanguageModel


class Saves(pl.Callback):
    """Saves a checkpoint after a batch, or after the validation or at the end of an epoch."""

    def __init__(self, path, hook, after):
        self.path, self.hook, self.after = path, hook, after

    def on_train_batch_end(self, trainer, module, *_):
        self._save(trainer, "batch", trainer.global_step)

    def on_validation_end(self, trainer, module):
        self._save(trainer, "validation", trainer.current_epoch + 1)

    def on_train_epoch_end(self, trainer, module):
        self._save(trainer, "epoch", trainer.current_epoch + 1)

    def _save(self, trainer, hook, count):
        if hook == self.hook and count == self.after:
            trainer.save_checkpoint(self.path)


def trained(text, callbacks, checkpoint=None, **options):
    """A regularised network after three epochs."""
    network = model(16, 6, STRONG)
    task = LanguageModel(network, bptt=20, learning_rate=0.02, **options)
    trainer = pl.Trainer(max_epochs=3, logger=False, enable_checkpointing=False, callbacks=callbacks, **LIGHT)
    torch.manual_seed(3)
    if checkpoint:
        torch.rand(5)
    trainer.fit(task, datamodule=TextDataModule(text, 16, 20), ckpt_path=checkpoint)
    return trainer.global_step, network


BATCHES = 8
"""Of an epoch."""


@pytest.mark.parametrize("averaging", ["none", "asgd"])
@pytest.mark.parametrize(
    ("hook", "after"),
    [("batch", 3), ("batch", BATCHES), ("batch", BATCHES + 5), ("validation", 1), ("validation", 2), ("epoch", 2)],
)
def test_training_goes_on_from_any_batch_as_if_nothing_had_happened(text, tmp_path, hook, after, averaging):
    path = tmp_path / "interrupted.ckpt"
    steps, expected = trained(text, [Saves(path, hook, after)], averaging=averaging)
    assert len(TextDataModule(text, 16, 20).train_dataloader()) == BATCHES
    found_steps, found = trained(text, [], path, averaging=averaging)
    assert found_steps == steps == 3 * BATCHES
    for name, weight in expected.state_dict().items():
        assert torch.equal(found.state_dict()[name], weight), name
