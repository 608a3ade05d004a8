"""A one-shot search in a dozen lines: α by one gradient step a batch, on the loss of the whole mixture."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from nni_nasplus.networks.supernet import supernet_of
from nni_nasplus.one_shot.mixture import new_alphas, softmax
from nni_nasplus.one_shot.one_shot import OneShot
from nni_nasplus.search.ranking import Ranking


class Toy(OneShot):
    """The shared weights stay as they are."""

    def __init__(self, supernet, loader, *, seed, epochs, rate, reporter=None):
        super().__init__(seed=seed, epochs=epochs, settings={"rate": rate}, reporter=reporter)
        self.supernet, self.loader, self.rate = supernet, loader, rate
        self.alphas = new_alphas(supernet, self.generator)

    @classmethod
    def of(cls, space, evaluator, *, seed, reporter=None, epochs=3, rate=1.0):
        loader = evaluator.data().train_dataloader()
        return cls(supernet_of(space), loader, seed=seed, epochs=epochs, rate=rate, reporter=reporter)

    def configure_optimizers(self):
        return torch.optim.SGD(self.alphas.parameters(), lr=self.rate)

    def train_dataloader(self):
        return self.loader

    def training_step(self, batch, number):
        images, labels = batch
        mixture = softmax(self.supernet, self.alphas)
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(cross_entropy(self.supernet(images, mixture), labels))
        optimizer.step()

    def on_train_epoch_end(self):
        shares = softmax(self.supernet, self.alphas).weights
        self.report(float(max(rows.max() for rows in shares.values())), {})
        self.show(self.supernet, f"after epoch {len(self.rounds)}", len(self.rounds))

    def architectures(self):
        return Ranking.of([self.supernet.derive(softmax(self.supernet, self.alphas).weights)], [0.0])


class Planted(nn.Module):
    """An operation that hands on what it is given, or else gives noise."""

    def __init__(self, *, tells):
        super().__init__()
        self.tells = tells

    def forward(self, x):
        return x if self.tells else torch.randn_like(x)
