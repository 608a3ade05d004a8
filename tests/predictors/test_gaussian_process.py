"""The Gaussian process, by the textbook."""

from __future__ import annotations

import numpy as np
import pytest
from edges import EDGES, trained
from scipy.stats import multivariate_normal

from nni_nasplus import SearchSpace
from nni_nasplus.predictors import GaussianProcess
from nni_nasplus.predictors.warp import Warp

NESTED = SearchSpace(
    {"op": ["conv", "attention"], "heads": [1, 2, 4], "depth": [1, 2]}, {"heads": {"op": ["attention"]}}
)


class TestGaussianProcess:
    def test_its_posterior_is_the_textbooks(self):
        architectures, utilities = trained(15)
        gp = GaussianProcess(EDGES)
        gp.fit(architectures[:12], utilities[:12])

        def kernel(a, b):
            distance = (((a[:, None] - b[None]) ** 2) * gp.relevances[EDGES.feature_groups]).sum(-1)
            return np.exp(gp._parameters[-2]) * np.exp(-distance) + 10.0

        known, new = EDGES.features(architectures[:12]), EDGES.features(architectures[12:])
        inverse = np.linalg.inv(kernel(known, known) + (gp.noise**2 + 1e-6) * np.eye(12))
        mean = kernel(new, known) @ inverse @ gp.warp(utilities[:12])
        variance = np.diag(kernel(new, new) - kernel(new, known) @ inverse @ kernel(known, new))
        np.testing.assert_allclose(gp.predict(architectures[12:])[0], mean, atol=1e-6)
        np.testing.assert_allclose(gp.predict(architectures[12:])[1] ** 2, variance, atol=2e-6)

    def test_the_loss_is_the_marginal_likelihood_and_its_gradient_the_difference_quotient(self):
        architectures, utilities = trained(15)
        features = EDGES.features(architectures)
        gp, targets = GaussianProcess(EDGES), Warp.of(utilities)(utilities)
        point = gp._prior_mean + 0.3 * np.arange(len(gp._prior_mean)) / len(gp._prior_mean)
        loss, gradient = gp._loss(point, features, targets)
        for i, step in enumerate(1e-5 * np.eye(len(point))):
            rise = gp._loss(point + step, features, targets)[0] - gp._loss(point - step, features, targets)[0]
            assert gradient[i] == pytest.approx(rise / 2e-5, rel=1e-4, abs=1e-5)
        gp._set(point)
        scaled = features * gp._root
        covariance = gp._kernel(scaled, scaled) + (gp.noise**2 + 1e-6) * np.eye(15)
        away = (point - gp._prior_mean) / gp._prior_std
        density = multivariate_normal(np.zeros(15), covariance).logpdf(targets) - 0.5 * away @ away
        assert -loss - 7.5 * np.log(2 * np.pi) == pytest.approx(density)

    def test_the_decision_that_matters_is_the_most_relevant(self):
        architectures, utilities = trained(150)
        gp = GaussianProcess(EDGES)
        gp.fit(architectures, utilities)
        assert gp.relevances[: len(EDGES.decisions)].argmax() == 0

    def test_samples_have_the_posteriors_mean_and_deviation(self):
        architectures, utilities = trained(30)
        gp = GaussianProcess(EDGES)
        gp.fit(architectures[:15], utilities[:15])
        mean, std = gp.predict(architectures)
        samples = gp.sample(architectures, 4000, np.random.default_rng(0))
        np.testing.assert_allclose(samples.mean(0), mean, atol=0.1)
        np.testing.assert_allclose(samples.std(0), std, atol=0.1)

    def test_believing_leaves_the_mean_and_takes_uncertainty_away(self):
        architectures, utilities = trained(40)
        gp = GaussianProcess(EDGES)
        gp.fit(architectures[:15], utilities[:15])
        believer = gp.believe(architectures[15:20])
        np.testing.assert_allclose(believer.predict(architectures)[0], gp.predict(architectures)[0], atol=1e-5)
        assert (believer.predict(architectures)[1] <= gp.predict(architectures)[1] + 1e-6).all()
        assert believer.predict(architectures[15:20])[1].sum() < gp.predict(architectures[15:20])[1].sum()

    def test_an_inactive_decision_says_nothing(self):
        gp = GaussianProcess(NESTED)
        architectures = [{"op": "conv", "depth": 1}, {"op": "conv", "depth": 2}]
        rows = NESTED.features(architectures)
        group = list(NESTED.decisions).index("heads")
        assert (rows[:, NESTED.feature_groups == group] == 0).all()
        assert np.isfinite(gp.predict(architectures)).all()
