"""Searches with a budget on a landscape whose curves are functions, trained by workers that take turns at random."""

from __future__ import annotations

import numpy as np
from landscapes import GRID, score

from nni_nasplus import Outcome, Search, SearchSpaceExhausted
from nni_nasplus.search.epochs.budget import Budget, make_budget_rule
from nni_nasplus.search.strategy import make_strategy

WHOLE = 27


def rising(architecture, epochs):
    """Curves that approach the landscape, and never cross."""
    return score(architecture) * (1 - 0.8**epochs)


def crossing(architecture, epochs):
    """Curves of which those with a high ``d0`` begin low."""
    return score(architecture) - 9.0 * architecture["d0"] / epochs


def search_of(rule, *, trials=30, seed=0, strategy="random", space=GRID, options=None, **more):
    """A search with a rule, whose whole trainings have 27 epochs."""
    budget = Budget(make_budget_rule(rule, options or {}), WHOLE, trials, seed)
    return Search(space, make_strategy(strategy, {}), seed=seed, budget=budget, **more)


def parts_trained(search, curve=rising, *, workers=1, fails=lambda architecture, epochs: False, parts=10**6):
    """Train until nothing is left, or so many parts have been handed out; number and epochs of each, in order."""
    rng, flying, asked = np.random.default_rng(7), [], []
    while True:
        try:
            while len(flying) < workers and len(asked) < parts:
                flying.append(search.ask())
                asked.append((flying[-1].number, flying[-1].epochs))
        except SearchSpaceExhausted:
            pass
        if not flying or len(asked) == parts:
            return asked
        trial = flying.pop(rng.integers(len(flying)))
        failed = fails(trial.architecture, trial.epochs)
        search.tell(trial, None if failed else Outcome(score=float(curve(trial.architecture, trial.epochs)), cost=1.0))
