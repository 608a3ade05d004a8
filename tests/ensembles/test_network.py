"""The network of an ensemble: the mean of probabilities, and its temperature."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nni_nasplus.ensembles.calibration import temperature_of
from nni_nasplus.ensembles.network import Ensemble


def test_the_softmax_of_an_ensemble_is_the_mean_of_probabilities():
    torch.manual_seed(0)
    members = [nn.Linear(4, 3), nn.Linear(4, 3)]
    x = torch.randn(5, 4)
    mean = 0.25 * members[0](x).softmax(-1) + 0.75 * members[1](x).softmax(-1)
    torch.testing.assert_close(Ensemble(members, [0.25, 0.75])(x).softmax(-1), mean)


@pytest.mark.parametrize(("link", "mean"), [("sigmoid", torch.sigmoid), ("identity", lambda x: x)])
def test_an_ensemble_of_tags_or_numbers_says_the_mean_of_its_members(link, mean):
    torch.manual_seed(0)
    members = [nn.Linear(4, 3), nn.Linear(4, 3)]
    x = torch.randn(5, 4)
    expected = 0.25 * mean(members[0](x)) + 0.75 * mean(members[1](x))
    torch.testing.assert_close(mean(Ensemble(members, [0.25, 0.75], link=link)(x)), expected)


def test_the_temperature_of_tags_is_found_again_and_numbers_have_none():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20_000, 2))
    labels = (logits / 2.0 + rng.logistic(size=logits.shape) > 0).astype(np.float32)
    assert temperature_of(logits, labels, "sigmoid") == pytest.approx(2.0, rel=0.05)
    assert temperature_of(logits, logits, "identity") == 1.0


def test_a_network_that_is_impossibly_sure_keeps_logits_finite():
    sure = nn.Linear(1, 2)
    nn.init.constant_(sure.bias, 0)
    nn.init.constant_(sure.weight[0:1], 1e4)
    assert Ensemble([sure], [1.0])(torch.ones(1, 1)).isfinite().all()


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_labels_is_found_again(true):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20_000, 3))
    noise = rng.gumbel(size=logits.shape)
    labels = (logits / true + noise).argmax(-1)
    assert temperature_of(logits, labels) == pytest.approx(true, rel=0.05)
