"""The covariance of the derivatives by the examples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from small_networks import N, case, chain
from torch import nn

from nni_nasplus.proxies import (
    proxy_named,
)
from nni_nasplus.proxies.jacobian_covariance import input_jacobian


class TestJacobianCovariance:
    def test_the_rows_are_derivatives_by_the_examples(self):
        network, images = chain(5, 8, 3), torch.randn(N, 5)
        on = (network[0](images) > 0).double()
        expected = (on * network[2].weight.double().sum(0)) @ network[0].weight.double()
        torch.testing.assert_close(input_jacobian(network.double(), images), expected.detach())

    @pytest.mark.parametrize(("name", "numbers"), [("rnn", 35 * 8), ("nasbench201", 3 * 64)])
    def test_codes_are_replaced_by_their_embeddings(self, name, numbers):
        assert input_jacobian(*case(name)).shape == (N, numbers)

    def test_it_is_best_where_examples_are_not_alike(self):
        """Orthogonal rows have the identity for correlations: −N (log(1 + ε) + 1 / (1 + ε))."""
        from nni_nasplus.proxies import jacobian_covariance as module

        rows = torch.tensor(np.array([[1, -1, 1, -1], [1, 1, -1, -1]]), dtype=torch.float64)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "input_jacobian", lambda *_: rows)
            value = module.jacob_cov(nn.Linear(1, 1), torch.randn(2, 4))
        assert value == pytest.approx(-2 * (math.log(1 + 1e-5) + 1 / (1 + 1e-5)))

    def test_a_network_that_does_not_look(self):
        network = nn.Linear(4, 2)
        nn.init.zeros_(network.weight)
        assert proxy_named("jacob_cov")(network, torch.randn(3, 4)) == -math.inf
