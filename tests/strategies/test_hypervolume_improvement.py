"""The expected improvement of the hypervolume, beside what draws give."""

from __future__ import annotations

import numpy as np
import pytest

from nni_nasplus.search.pareto import hypervolume
from nni_nasplus.strategies.hypervolume_improvement import expected_hypervolume_improvement as ehvi

POINTS = np.array([[0.2, 0.9], [0.5, 0.6], [0.4, 0.5], [0.9, 0.1]])
REFERENCE = np.zeros(2)


def growth(candidates):
    """What each candidate adds to the area."""
    before = hypervolume(POINTS, REFERENCE)
    return np.array([hypervolume(np.vstack([POINTS, one]), REFERENCE) - before for one in candidates])


def test_without_doubt_it_is_the_growth_itself():
    candidates = np.random.default_rng(1).random((50, 2)) * 1.2
    found = ehvi(candidates, np.full((50, 2), 1e-9), POINTS, REFERENCE)
    np.testing.assert_allclose(found, growth(candidates), atol=1e-8)


@pytest.mark.parametrize("mean", [(0.6, 0.7), (0.3, 0.3), (1.2, -0.5), (0.0, 0.0)])
def test_in_doubt_it_is_the_mean_growth_of_draws(mean):
    std = np.array([0.3, 0.2])
    draws = np.random.default_rng(0).normal(mean, std, (4000, 2))
    found = ehvi(np.array([mean]), std[None], POINTS, REFERENCE)[0]
    assert found == pytest.approx(growth(draws).mean(), rel=0.1, abs=2e-4)


def test_both_objectives_are_treated_alike():
    mean, std = np.array([[0.6, 0.7], [0.1, 1.0]]), np.array([[0.3, 0.2], [0.1, 0.4]])
    swapped = ehvi(mean[:, ::-1], std[:, ::-1], POINTS[:, ::-1], REFERENCE)
    np.testing.assert_allclose(ehvi(mean, std, POINTS, REFERENCE), swapped)
