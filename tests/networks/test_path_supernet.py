"""Supernets of every decision: a path is the stand-alone network, and what is not on it is not touched."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from event_examples import SHAPE, random_batch, with_rubbish
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus import UserError
from nni_nasplus.networks.path_supernet import path_supernet_of
from nni_nasplus.spaces.events import EventSequenceSpace

HYPERPARAMETERS = {
    "learning_rate": [0.01, 0.1],
    "width": [24, 0, 32],
    "hidden": [4, 8],
    "clock": ["gaps", "time"],
    "dropout": [0.1, 0.3],
}
ARGUMENTS = {**SHAPE.to_json(), "poolings": ["mean", "max", "mixed", "last", "attention"], "cells": ["lstm"]}
SPACE = EventSequenceSpace(**ARGUMENTS, hyperparameters=HYPERPARAMETERS)
SUPERNET = SPACE.path_supernet().eval()
BATCH = random_batch(SHAPE, 3, 9)


def drawn(seed):
    return SPACE.search_space.sample(np.random.default_rng(seed))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_a_path_computes_what_the_stand_alone_network_with_its_weights_does(seed):
    architecture = drawn(seed)
    network = SPACE.build(architecture).eval()
    network.load_state_dict(SUPERNET.network(architecture).state_dict())
    with SUPERNET.only(architecture), torch.no_grad():
        torch.testing.assert_close(SUPERNET(BATCH), network(BATCH), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(SUPERNET(with_rubbish(BATCH, 3)), network(BATCH), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(SUPERNET(BATCH, SUPERNET.path(architecture)), network(BATCH), rtol=1e-5, atol=1e-5)
