"""How far a predictor can be trusted on a search: rank correlation and calibration on results held back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau
from sklearn.model_selection import KFold

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.predictors.base import Predictor
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.trial import Observation

__all__ = [
    "Agreement",
    "Assessment",
    "HeldBack",
    "Results",
    "agreement",
    "assess",
    "assess_all",
    "cross_validated",
    "held_back",
    "margin_of_chance",
]

Results = tuple[Sequence[Architecture], np.ndarray]
"""Architectures in canonical form, and their utilities, float [architectures]."""

# Two for each fold: an order needs as many.
FEWEST = 10
_FEWEST_RANKED = 3
"""Two are in the right order half of the time."""
# The customary number: each fit sees 80 % of the trials, and a summary waits for five fits of each predictor.
_FOLDS = 5
_NORMAL_95 = 1.96


@dataclass(frozen=True)
class Assessment:
    """Of predictions on results held back.

    ``kendall`` is Kendall's τ between predicted and reached, 1 for the right order; ``margin`` is how far to either
    side its 95 % interval goes, see :func:`margin_of_chance`. ``within_1`` and ``within_2`` are the shares of results
    within one and two standard deviations of the prediction, noise included: .68 and .95 where the predictor knows how
    sure it is, less where it is too sure.
    """

    kendall: float
    within_1: float
    within_2: float
    margin: float


@dataclass(frozen=True)
class HeldBack:
    """What was predicted of N results that a predictor had not seen, in the warped units of the fit that predicted.

    Parameters
    ----------
    predicted, std
        Mean and standard deviation, the noise of a training included; each float [N].
    reached
        What came; float [N].
    fold
        Which fit predicted; int [N].
    """

    predicted: np.ndarray
    std: np.ndarray
    reached: np.ndarray
    fold: np.ndarray

    @property
    def residuals(self) -> np.ndarray:
        """Standardised; float [N]."""
        return (self.reached - self.predicted) / self.std


def held_back(predictor: Predictor, known: Results, unknown: Results) -> tuple[np.ndarray, np.ndarray]:
    """Fit on ``known`` and predict ``unknown``.

    Returns
    -------
    The predicted means and the standardised residuals of ``unknown``; each float [n].
    """
    mean, std, reached = _predicted(predictor, known, unknown)
    return mean, (reached - mean) / std


def _predicted(predictor: Predictor, known: Results, unknown: Results) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    predictor.fit(*known)
    mean, std = predictor.predict(unknown[0])
    return mean, np.hypot(std, predictor.noise), predictor.warp(unknown[1])


def cross_validated(name: str, space: SearchSpace, observations: Sequence[Observation], *, seed: int = 0) -> HeldBack:
    """Five-fold cross-validation of an installed predictor on the successes of a search.

    Raises
    ------
    UserError
        If there are fewer than ten successes, or the predictor is not installed.
    """
    done = [o for o in observations if o.utility is not None]
    if len(done) < FEWEST:
        raise UserError(f"{len(done)} trials succeeded; at least {FEWEST} are needed to assess a predictor")
    utilities = np.array([o.utility for o in done], dtype=float)
    kind, folds = registry.load("predictors", name), []
    for fold, rows in enumerate(KFold(_FOLDS, shuffle=True, random_state=seed).split(done)):
        parts = [([done[i].architecture for i in part], utilities[part]) for part in rows]
        folds.append((*_predicted(kind(space, seed=seed), *parts), np.full(len(rows[1]), fold)))
    return HeldBack(*map(np.concatenate, zip(*folds, strict=True)))


def assess(name: str, space: SearchSpace, observations: Sequence[Observation], *, seed: int = 0) -> Assessment:
    """The figures of :func:`cross_validated`, which says what it raises."""
    held = cross_validated(name, space, observations, seed=seed)
    rows = [held.fold == fold for fold in range(_FOLDS)]
    taus = [kendalltau(held.predicted[one], held.reached[one]).statistic for one in rows]
    residuals = np.abs(held.residuals)
    margin = margin_of_chance([int(one.sum()) for one in rows])
    return Assessment(float(np.nanmean(taus)), float((residuals <= 1).mean()), float((residuals <= 2).mean()), margin)


def margin_of_chance(sizes: Sequence[int]) -> float:
    """How far from 0 the mean Kendall's τ of folds comes by chance, in 95 of 100 searches.

    τ of n results without any order has variance 2 (2n + 5) / 9n (n - 1) (Kendall, Biometrika 30, 1938). Where there is
    an order, normal scores have less, so that the interval is rather too wide.

    Parameters
    ----------
    sizes
        Of the folds, each 2 or more.
    """
    variances = [2 * (2 * n + 5) / (9 * n * (n - 1)) for n in sizes]
    return float(_NORMAL_95 * np.sqrt(np.sum(variances)) / len(sizes))


def assess_all(space: SearchSpace, observations: Sequence[Observation]) -> dict[str, Assessment]:
    """Every quick predictor whose requirements are there, by name; none for fewer than ten successes."""
    if sum(o.utility is not None for o in observations) < FEWEST:
        return {}
    found = {}
    for name in registry.available("predictors"):
        try:
            if not registry.load("predictors", name).slow:
                found[name] = assess(name, space, observations)
        except UserError:
            continue
    return found


@dataclass(frozen=True)
class Agreement:
    """Of an order that was known before training and the scores of the trials that were trained since.

    ``kendall`` is Kendall's τ over so many ``trials``, 1 for the same order and 0 for chance.
    """

    kendall: float
    trials: int


def agreement(ranking: Ranking | None, space: SearchSpace, observations: Sequence[Observation]) -> Agreement | None:
    """How far what was found before the first trial, such as inherited losses, orders what training gave.

    None where fewer than three of the ranked architectures were trained, or all of them rank alike.
    """
    ranks = {} if ranking is None else dict(zip(map(space.key, ranking.architectures), ranking.ranks, strict=True))
    done = [(space.key(o.architecture), o.utility) for o in observations if o.utility is not None]
    pairs = [(-ranks[key], utility) for key, utility in done if key in ranks]
    if len(pairs) < _FEWEST_RANKED:
        return None
    tau = float(kendalltau(*zip(*pairs, strict=True)).statistic)
    return None if np.isnan(tau) else Agreement(tau, len(pairs))
