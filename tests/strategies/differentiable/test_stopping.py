"""DARTS-ES and DARTS+: searches that stop by themselves."""

from __future__ import annotations

import pytest
import torch
from differentiable_searches import batch, randomised, search

from nni_nasplus.networks.supernet import SKIP
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.strategies.differentiable.stopping import largest_eigenvalue

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_the_largest_eigenvalue_of_a_known_matrix():
    rotation, _ = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))
    matrix = rotation @ torch.diag(torch.tensor([-7.0, 1.0, 2.0, 3.0])) @ rotation.T
    assert largest_eigenvalue(matrix) == pytest.approx(3.0, abs=1e-5)


def test_sharpness_is_measured_in_alpha():
    found = randomised(search("darts-es"))
    assert found.sharpness(batch()) > 0


def test_a_doubled_sharpness_ends_the_search_four_epochs_back():
    found = search("darts-es", epochs=50, alpha_rate=0.1, window=1)
    kept = []

    def sharpness(pair):
        kept.append(found.alphas["cell"].detach().clone())
        return 2.0 if len(kept) > 15 else 1.0

    found.sharpness = sharpness
    fit(found)
    assert len(kept) == len(found.rounds) == 16
    assert torch.equal(found.alphas["cell"], kept[-5])


def test_nothing_ends_a_search_of_even_sharpness_or_before_a_fifth_of_it():
    found = search("darts-es", epochs=50)
    assert not found.has_risen([1.0] * 50)
    assert not found.has_risen([1.0] * 5 + [9.0] * 4)
    assert found.has_risen([1.0] * 14 + [9.0] * 4)


def test_two_skips_end_darts_plus_and_a_search_that_has_ended_only_answers(tmp_path):
    def made():
        return search("darts-plus", epochs=6, alpha_rate=1e-3)

    found = made()
    with torch.no_grad():
        found.alphas["cell"][:2, found.supernet.operations.index(SKIP)] = 3.0
    fit(found, tmp_path)
    assert len(found.rounds) == 1
    again = made()
    assert fit(again, tmp_path).architectures == [found.derived()]
    assert len(again.rounds) == 1


def test_an_order_that_stays_ends_darts_plus():
    found = randomised(search("darts-plus", epochs=9, skips=7, stable=3, alpha_rate=1e-9), spread=5.0)
    fit(found)
    assert len(found.rounds) == 4
