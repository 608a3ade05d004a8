"""What an architecture costs in use: the published counts, without the head that serves training alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn

from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.networks.limits import Limits
from nni_nasplus.spaces.images import DartsSpace
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.reporter import LogReporter

PUBLISHED, WITH_HEAD = 3_349_342, 3_825_768
"""Of DARTS_V2 with 36 channels and 20 cells for 10 classes."""


@pytest.fixture(scope="module")
def space() -> DartsSpace:
    return DartsSpace(36, 20, auxiliary=True)


@dataclass(frozen=True, kw_only=True)
class Untrained(Evaluator):
    """Reports without training."""

    directions: ClassVar = {"accuracy": "maximize"}

    objective: str = "accuracy"
    epochs: int = 1

    def data(self):
        raise NotImplementedError

    def task(self, network):
        raise NotImplementedError

    def _fit(self, network, directory, reporter, teachers, epochs):
        assert sum(weight.numel() for weight in network.parameters()) == WITH_HEAD
        return {"accuracy": 0.5}, True


class Kept(LogReporter):
    def final(self, outcome):
        self.kept = outcome


def test_the_auxiliary_head_does_not_count(space):
    with torch.device("meta"):
        network = space.build(space.parse_genotype("DARTS_V2"))
    assert count_parameters(network) == PUBLISHED
    assert count_parameters(nn.Sequential(network)) == PUBLISHED
    assert count_parameters(network.auxiliary) == WITH_HEAD - PUBLISHED
    assert count_parameters(network.requires_grad_(False)) == 0


def test_a_trial_reports_the_published_number_and_keeps_to_limits_by_it(space, tmp_path):
    architecture, reporter = space.parse_genotype("DARTS_V2"), Kept()
    metrics = Untrained().evaluate(space, architecture, tmp_path, reporter)
    assert metrics["parameters"] == reporter.kept.metrics["parameters"] == PUBLISHED
    plain = DartsSpace(36, 20)
    assert metrics["flops"] == count_flops(plain.build(architecture), plain.example())
    assert Limits(max_parameters=PUBLISHED).excess(space, architecture) is None
    assert str(Limits(max_parameters=PUBLISHED - 1).excess(space, architecture)).startswith("parameters")
