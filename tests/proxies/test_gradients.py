"""Scores of the gradients of one batch."""

from __future__ import annotations

import pytest
import torch
from small_networks import N, case, chain, generator
from torch import nn

from nni_nasplus.data.images import ImageBatch
from nni_nasplus.proxies import (
    proxy_named,
)


class TestGradients:
    def test_they_are_those_of_cross_entropy(self):
        network, images, labels = chain(5, 8, 3), torch.randn(N, 5), torch.arange(N) % 3
        network = network.double()
        nn.functional.cross_entropy(network(images.double()), labels).backward()
        batch = ImageBatch(images, labels)
        weights = [network[0].weight, network[2].weight]
        norm = sum(float(w.grad.norm()) for w in weights)
        saliency = sum(float((w.detach() * w.grad).abs().sum()) for w in weights)
        assert proxy_named("grad_norm")(network, batch) == pytest.approx(norm, rel=1e-12)
        assert proxy_named("snip")(network, batch) == pytest.approx(saliency, rel=1e-12)

    def test_of_texts_the_label_is_the_next_token(self):
        network, tokens = case("rnn")
        logits = network.double().eval()(tokens)[0]
        last = torch.randint(30, (35, N), generator=generator())[-1]
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), torch.cat([tokens[1:], last[None]]).flatten())
        weights = [p for name, p in network.named_parameters() if p.ndim > 1]
        expected = sum(float(g.norm()) for g in torch.autograd.grad(loss, weights))
        assert proxy_named("grad_norm")(network, tokens, generator()) == pytest.approx(expected, rel=1e-9)
