"""Batches of users: each once, seeded, in order of length, padded on the right."""

from __future__ import annotations

from itertools import chain

import torch
from event_tables import USERS

from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.module import EventDataModule


def epoch(loader):
    return [batch.row.tolist() for batch in loader]


def flat(batches):
    return sorted(chain.from_iterable(batches))


def test_batches_cover_each_user_once_and_are_seeded(cache):
    loader = EventDataModule(cache, batch_size=5, seed=3).train_dataloader()
    first, second = epoch(loader), epoch(loader)
    again = EventDataModule(cache, batch_size=5, seed=3).train_dataloader()
    train = EventArrays.open(cache).rows("train").tolist()
    assert flat(first) == flat(second) == train
    assert len(loader) == len(first) == 9
    assert sorted(map(len, first)) == [2] + [5] * 8
    assert first != second
    assert epoch(again) == first
    loader.sampler.set_epoch(1)
    assert epoch(loader) == second
    assert epoch(EventDataModule(cache, batch_size=5, seed=4).train_dataloader()) != first


def test_evaluation_batches_are_in_order_of_length(cache):
    data = EventDataModule(cache, batch_size=4)
    for loader, n in [
        (data.val_dataloader(), 9),
        (data.test_dataloader(), 9),
        (data.predict_dataloader(), 60),
    ]:
        lengths = [length for batch in loader for length in batch.mask.sum(1).tolist()]
        assert lengths == sorted(lengths)
        assert len(lengths) == n
        assert epoch(loader) == epoch(loader)


def test_padding_is_on_the_right_and_zero(cache):
    for batch in EventDataModule(cache, batch_size=16).train_dataloader():
        assert batch.mask[:, 0].all()
        assert (batch.mask.int().diff(dim=1) <= 0).all()
        assert batch.mask.any(0).all()
        for field in (batch.categorical, batch.numeric, batch.time, batch.gap):
            assert not field[~batch.mask].any()
        assert [f.dtype for f in batch] == [
            torch.int64,
            *[torch.float32] * 3,
            torch.bool,
            torch.int64,
            torch.int64,
        ]


def test_batches_reach_a_trainer_in_every_epoch(cache):
    import pytorch_lightning as pl

    class Recorder(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))
            self.seen = {}

        def training_step(self, batch):
            self.seen.setdefault(self.current_epoch, []).append(batch.row.tolist())
            return self.weight * batch.time.mean()

        def predict_step(self, batch):
            return batch.row

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    model, data = Recorder(), EventDataModule(cache, batch_size=8)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(max_epochs=2, accelerator="cpu", enable_model_summary=False, **quiet)
    trainer.fit(model, data)
    assert flat(model.seen[0]) == flat(model.seen[1])
    assert model.seen[0] != model.seen[1]
    assert len(torch.cat(trainer.predict(model, data))) == USERS
