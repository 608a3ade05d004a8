"""How often a report finds a choice that matters, and one that does not: ``python benchmarks/decision_effects.py``.

Searches at random of 25 decisions with three choices each. One decision matters: its best choice adds ``effect`` to the
score and its worst takes as much; the noise of a training is 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from nni_nasplus import Outcome, SearchSpace
from nni_nasplus.report.trials.effects import decision_effects
from nni_nasplus.search.trial import Trial

SPACE = SearchSpace({f"decision {i}": [-1, 0, 1] for i in range(25)})
MATTERS = "decision 0"


def main() -> None:
    """Print the shares of decisions that stand out."""
    parser = argparse.ArgumentParser(description="how often effects of decisions stand out in a report")
    parser.add_argument("--searches", type=int, default=100, help="of each size")
    options = parser.parse_args()
    print("effect  trials  found  others")
    for effect in (0.0, 0.7, 1.7):
        for count in (12, 20, 30, 50, 150):
            found = [standing(count, effect, seed) for seed in range(options.searches)]
            mine, others = (np.mean([one[place] for one in found]) for place in (0, 1))
            print(f"{effect:6.1f}  {count:6d}  {mine:5.0%}  {others:6.1%}")


def standing(count: int, effect: float, seed: int) -> tuple[bool, float]:
    """Whether the decision that matters stands out, and the share of the others that do."""
    found = decision_effects(SPACE, list(trials(count, effect, seed)))
    outstanding = {one[0].decision: any(choice.stands_out for choice in one) for one in found}
    return outstanding.pop(MATTERS, False), float(np.mean([*outstanding.values()] or [0.0]))


def trials(count: int, effect: float, seed: int) -> Iterator[Trial]:
    """A search."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        architecture = SPACE.sample(rng)
        score = effect * float(architecture[MATTERS]) + float(rng.normal())
        yield Trial(number, architecture, outcome=Outcome(score=score))


if __name__ == "__main__":
    main()
