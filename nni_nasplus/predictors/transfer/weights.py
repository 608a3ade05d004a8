"""How far earlier searches are to be believed, by the order of the results so far."""

from __future__ import annotations

import numpy as np

from nni_nasplus.predictors.transfer.tasks import tasks_of
from nni_nasplus.search.history import History

__all__ = ["agreements", "believed", "ranking_weights"]

# The share of wins is known to 3 %, and takes a millisecond.
_DRAWS = 256
# A task that fails to beat chance in so many draws is set aside. Chosen on the tables of SeqNAS, where .1 sets aside
# what would have helped.
_DOUBT = 0.4
# In deviations: one useless task of ten passes.
_CERTAIN = 1.64


def ranking_weights(opinions: np.ndarray, utilities: np.ndarray) -> np.ndarray:
    """The weight of each task: how often it orders the results better than all others do, and how well it does so.

    The first is the ranking-weighted ensemble (Feurer et al., *Scalable Meta-Learning for Bayesian Optimization*,
    2018): the share of resamples of the results in which a task misranks fewest pairs. Where none beats chance, none
    wins; a task that often does not is set aside. The second is the correlation that goes with so many misranked
    pairs, sin(πτ/2) with τ = 1 − 2 loss (Greiner's relation): where two normal variables correlate by ρ, one of them
    is expected to be ρ times the other, so that a task that is right only a little is believed only a little.

    Parameters
    ----------
    opinions
        What each task expects of what was trained; float [tasks, results].
    utilities
        What it reached; float [results].

    Returns
    -------
    np.ndarray
        At least 0, together at most 1; float [tasks].
    """
    if len(utilities) < 2:
        return np.zeros(len(opinions))
    losses = _losses(opinions, utilities)
    better = losses < 0.5
    losses[better.mean(axis=1) < 1 - _DOUBT] = np.inf
    losses[~better] = np.inf
    least = losses.min(axis=0, initial=np.inf)
    wins = np.isfinite(losses) & (losses == least)
    shares = wins / np.maximum(wins.sum(axis=0), 1)
    correlations = np.sin(np.pi * np.where(wins, 0.5 - losses, 0.0))
    weights: np.ndarray = (shares * correlations).mean(axis=1)
    return weights


def agreements(opinions: np.ndarray, utilities: np.ndarray) -> np.ndarray:
    """Whether each task orders the results beyond chance: 1 where it does, −1 in reverse, 0 where it may be chance.

    Kendall's test: of n results without ties, concordant less discordant pairs have under independence the mean 0 and
    the variance n(n − 1)(2n + 5) / 18 (Kendall, *Rank Correlation Methods*).

    Parameters
    ----------
    opinions, utilities
        As :func:`ranking_weights` takes them.

    Returns
    -------
    np.ndarray
        int [tasks].
    """
    count = len(utilities)
    order = np.sign(utilities[:, None] - utilities)
    surplus = np.array([(order * np.sign(o[:, None] - o)).sum() / 2 for o in opinions])
    deviation = np.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    found: np.ndarray = (np.sign(surplus) * (np.abs(surplus) > _CERTAIN * deviation)).astype(int)
    return found


def _losses(opinions: np.ndarray, utilities: np.ndarray) -> np.ndarray:
    """The share of misranked pairs of each task in each draw, .5 where there are none; float [tasks, draws]."""
    count = len(utilities)
    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=_DRAWS).astype(float)
    better = utilities[:, None] > utilities
    pairs = _weighed(better, draws)
    lost = [
        _weighed(better & (o[:, None] < o), draws) + 0.5 * _weighed(better & (o[:, None] == o), draws) for o in opinions
    ]
    return np.where(pairs > 0, np.array(lost) / np.maximum(pairs, 1), 0.5)


def _weighed(pairs: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """How many of the pairs each draw has; float [draws]."""
    counts: np.ndarray = ((draws @ pairs) * draws).sum(axis=1)
    return counts


def believed(history: History) -> dict[str, float]:
    """How far each earlier search agrees with the results of a history, by name: its weight in the prior mean."""
    if history.memory is None or not history.succeeded:
        return {}
    done = history.succeeded
    opinions = tasks_of(history.memory).predict([one.architecture for one in done])
    weights = ranking_weights(opinions, np.array([one.utility for one in done], dtype=float))
    return dict(zip(history.memory.tasks, weights.tolist(), strict=True))
