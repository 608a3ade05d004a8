"""The predictor that is chosen on the run's own results."""

from __future__ import annotations

import numpy as np
from edges import EDGES, trained

from nni_nasplus.predictors import automatic
from nni_nasplus.predictors.automatic import Automatic


def test_before_there_are_32_results_it_is_the_gaussian_process():
    architectures, utilities = trained(31)
    predictor = Automatic(EDGES)
    predictor.fit(architectures, utilities)
    assert predictor.chosen == "gp"


def test_another_takes_its_place_where_it_orders_results_better_beyond_the_error(monkeypatch):
    gains = {"gp": np.full(5, 0.3), "boosting": np.array([0.9, 0.1, 0.3, 0.5, 0.1]), "forest": np.full(5, 0.4)}
    monkeypatch.setattr(Automatic, "_taus", lambda self, name, *results: gains.get(name, np.zeros(5)))
    architectures, utilities = trained(40)
    predictor = Automatic(EDGES)
    predictor.fit(architectures, utilities)
    assert predictor.chosen == "forest"


def test_a_choice_depends_on_the_first_results_alone_until_they_have_doubled(monkeypatch):
    seen = []

    def taus(self, name, architectures, utilities):
        seen.append(len(utilities))
        return np.zeros(5)

    monkeypatch.setattr(Automatic, "_taus", taus)
    architectures, utilities = trained(64)
    predictor = Automatic(EDGES)
    for count in (32, 33, 63, 64):
        predictor.fit(architectures[:count], utilities[:count])
    assert seen == [32] * 4 + [64] * 4


def test_utilities_that_are_not_to_be_warped_are_not():
    architectures, utilities = trained(40)
    predictor = Automatic(EDGES)
    predictor.scale_of = lambda architectures, utilities: lambda _, reached: reached
    predictor.fit(architectures, utilities)
    np.testing.assert_array_equal(predictor.targets(architectures, utilities), utilities)


def test_what_it_chooses_from_is_installed_and_quick():
    names = (automatic._USUAL, *automatic._OTHERS)
    assert not any(type(Automatic(EDGES)._made(name)).slow for name in names)
