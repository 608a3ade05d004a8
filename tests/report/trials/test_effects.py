"""What good architectures share: planted effects are found, and where there are none nothing stands out."""

from __future__ import annotations

import numpy as np

from nni_nasplus import Outcome, SearchSpace
from nni_nasplus.report.trials.effects import decision_effects
from nni_nasplus.search.trial import Trial

SPACE = SearchSpace({f"d{i}": ["a", "b", "c"] for i in range(12)})


def trials(count, effect, seed=0):
    """Scores of noise, to which d3 = b adds the effect."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        architecture = SPACE.sample(rng)
        score = 0.7 + effect * (architecture["d3"] == "b") + 0.02 * rng.normal()
        yield Trial(number, architecture, outcome=Outcome(score=score))


def test_a_planted_effect_comes_first_with_its_size():
    first = decision_effects(SPACE, list(trials(150, 0.06)))[0]
    b = next(effect for effect in first if effect.choice == "b")
    assert (b.decision, b.stands_out) == ("d3", True)
    assert abs(b.estimate - 0.04) < 0.012  # beside the mean of three choices, of which two have nothing


def test_without_effects_few_stand_out():
    found = [e for seed in range(20) for one in decision_effects(SPACE, list(trials(30, 0.0, seed))) for e in one]
    assert np.mean([effect.stands_out for effect in found]) < 0.05


def test_the_effects_of_a_decision_are_beside_its_own_mean():
    for one in decision_effects(SPACE, list(trials(40, 0.05))):
        assert abs(sum(effect.estimate for effect in one)) < 1e-9
        assert sum(effect.trials for effect in one) == 40


def test_equal_scores_have_no_effects():
    same = [Trial(i, SPACE.sample(np.random.default_rng(i)), outcome=Outcome(score=0.5)) for i in range(8)]
    assert decision_effects(SPACE, same) == []
