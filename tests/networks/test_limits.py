"""Limits of a network's size and speed."""

from __future__ import annotations

import pytest

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.networks.limits import Limits
from nni_nasplus.spaces.events import EventSequenceSpace


def test_parameters_flops_and_latency(tmp_path):
    space = EventSequenceSpace()
    architecture = space.parse_genotype("01|1|agc1|44,12|00")
    network = space.build(architecture)
    parameters, flops = count_parameters(network), count_flops(network, space.example())
    assert Limits(max_parameters=parameters, max_flops=flops, max_latency_ms=1e6).excess(space, architecture) is None
    assert Limits(max_parameters=parameters - 1).excess(space, architecture).startswith("parameters ")
    assert Limits(max_flops=flops - 1).excess(space, architecture).startswith("flops ")
    assert Limits(max_latency_ms=1e-6).excess(space, architecture).startswith("latency_ms ")
    assert not Limits()
    with pytest.raises(UserError, match="--max_flops is 0; use more than 0"):
        Limits(max_flops=0)
