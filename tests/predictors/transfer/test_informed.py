"""Any predictor with the expectations of earlier searches for its mean."""

from __future__ import annotations

import numpy as np
import pytest
from landscapes import GRID, score
from pools import sampled
from scipy.stats import kendalltau

from nni_nasplus import UserError, registry
from nni_nasplus.predictors.transfer.informed import InformedPredictor
from nni_nasplus.predictors.transfer.tasks import EarlierTasks
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking

DRAWN = sampled(GRID, 120)
SCORES = np.array([score(one) for one in DRAWN])


USELESS = np.random.default_rng(0).permutation(SCORES)


def earlier(utilities):
    return EarlierTasks(Memory(GRID, {"a": Ranking.of(DRAWN[:60], utilities[:60])}))


def informed_by(kind, utilities):
    return InformedPredictor(lambda prior: kind(GRID, prior=prior), earlier(utilities))


@pytest.fixture(params=registry.available("predictors"))
def kind(request):
    try:
        found = registry.load("predictors", request.param)
        found(GRID)
    except UserError as error:
        pytest.skip(str(error))
    return found


def test_what_was_learned_before_orders_what_few_results_cannot(kind):
    few, rest = DRAWN[60:66], DRAWN[72:]
    plain, informed = kind(GRID), informed_by(kind, SCORES)
    taus = []
    for predictor in (plain, informed):
        predictor.fit(few, SCORES[60:66])
        taus.append(kendalltau(predictor.predict(rest)[0], SCORES[72:]).statistic)
    assert informed.weights[0] > 0.5
    assert taus[1] > max(taus[0], 0.7)


def test_a_task_that_is_set_aside_leaves_the_predictor_as_it_is(kind):
    plain, informed = kind(GRID), informed_by(kind, USELESS)
    for predictor in (plain, informed):
        predictor.fit(DRAWN[60:90], SCORES[60:90])
    assert informed.weights.tolist() == [0]
    for mine, theirs in zip(informed.predict(DRAWN[90:]), plain.predict(DRAWN[90:]), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_reversed_task_is_no_mean_but_a_feature_with_its_sign_turned():
    priors = []

    def make(prior):
        priors.append(prior)
        return registry.load("predictors", "gp")(GRID, prior=prior)

    informed = InformedPredictor(make, earlier(-SCORES))
    informed.fit(DRAWN[60:90], SCORES[60:90])
    assert informed.weights.tolist() == [0]
    assert priors[0] is None
    assert kendalltau(priors[1](DRAWN[90:]), SCORES[90:]).statistic > 0.5


def test_the_kernel_is_sought_by_the_same_schedule_as_without_memory(monkeypatch):
    kind = registry.load("predictors", "gp")
    informed, sought = informed_by(kind, SCORES), []
    monkeypatch.setattr(kind, "_search", lambda self, features, targets: sought.append(len(targets)))
    drawn = sampled(GRID, 90)
    for count in range(64, 90):
        informed.fit(drawn[:count], np.array([score(one) for one in drawn[:count]]))
    assert sought == [64, 70, 77, 84]


def test_samples_are_around_the_mean_and_belief_changes_no_copy(kind):
    informed = informed_by(kind, SCORES)
    informed.fit(DRAWN[60:90], SCORES[60:90])
    before = informed.predict(DRAWN[90:])
    believer = informed.believe(DRAWN[90:95])
    samples = informed.sample(DRAWN[90:], 400, np.random.default_rng(0))
    assert samples.shape == (400, 30)
    np.testing.assert_allclose(samples.mean(axis=0), before[0], atol=0.3)
    assert believer.predict(DRAWN[90:])[0].shape == (30,)
    np.testing.assert_array_equal(informed.predict(DRAWN[90:])[0], before[0])
