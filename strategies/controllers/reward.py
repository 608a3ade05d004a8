"""MnasNet's reward: a score and what the network costs, as one number (Tan et al., arXiv 1807.11626)."""

from __future__ import annotations

from nni_nasplus.errors import UserError
from nni_nasplus.search.history import History
from nni_nasplus.search.trial import Observation

__all__ = ["rewarded"]

_SOFT = -0.07, -0.07
_HARD = 0.0, -1.0
"""w of eq. 3 up to the target, and beyond it (section 3)."""


def rewarded(observation: Observation, history: History, target: float, *, hard: bool) -> float | None:
    """The score · (cost / target)^w (eq. 2), where the cost is the first objective beside the score.

    Parameters
    ----------
    target
        In the unit of the cost, more than 0; 0 for the score alone.
    hard
        Whether w is 0 up to the target and −1 beyond it, else −.07 everywhere.

    Returns
    -------
    None for a failure.

    Raises
    ------
    UserError
        If the search has no cost, or a score that is to be small.
    """
    if not target:
        return observation.utility
    if not history.costs:
        raise UserError("target is of a cost, of which there is none; name one, as in --objectives accuracy,latency_ms")
    if history.direction == "minimize":
        raise UserError("target multiplies a score of which more is better; choose another objective, such as accuracy")
    if observation.utility is None:
        return None
    share = history.cost_of(observation, history.costs[0]) / target
    within, beyond = _HARD if hard else _SOFT
    return float(observation.utility * share ** (within if share <= 1 else beyond))
