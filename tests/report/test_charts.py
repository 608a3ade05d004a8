"""The look of charts: legends lie on nothing, and effects of numbers come in their order."""

from __future__ import annotations

import numpy as np

from nni_nasplus import Outcome, SearchSpace
from nni_nasplus.report.charts import chart, legend_above
from nni_nasplus.report.trials.effects import decision_effects
from nni_nasplus.search.trial import Trial


def test_a_legend_lies_above_the_axes_and_within_the_figure():
    with chart("dots") as drawn:
        for name in ("a trial", "best so far", "random search, expected", "below what is drawn", "failed"):
            drawn.axes.plot([0, 1], [0, 1], label=name)
        legend_above(drawn.axes, 3)
        drawn.axes.figure.draw_without_rendering()
        legend = drawn.axes.get_legend().get_window_extent()
        assert legend.y0 >= drawn.axes.bbox.y1
        assert legend.y1 <= drawn.axes.figure.bbox.y1
        assert legend.x1 <= drawn.axes.figure.bbox.x1


def test_choices_that_are_numbers_are_told_of_from_the_least_on():
    space, rng = SearchSpace({"rate": [0.005, 0.002, 0.01], "op": ["z", "a"]}), np.random.default_rng(0)
    trials = [Trial(i, space.sample(rng), outcome=Outcome(score=float(rng.random()))) for i in range(30)]
    found = {one[0].decision: [effect.choice for effect in one] for one in decision_effects(space, trials)}
    assert found == {"rate": ["0.002", "0.005", "0.01"], "op": ["z", "a"]}
