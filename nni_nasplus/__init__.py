"""Neural architecture search as a plugin of NNI and Optuna."""

from __future__ import annotations

import warnings

from nni_nasplus._lazy import lazy

TYPE_CHECKING = False
"""As in :mod:`typing`, which takes longer to import than the command may take to hear a signal."""
if TYPE_CHECKING:
    from nni_nasplus.errors import UserError
    from nni_nasplus.estimators.events import EventClassifier, EventRegressor
    from nni_nasplus.estimators.images import ImageClassifier
    from nni_nasplus.search.history import History, Outcome, Proposal, SearchSpaceExhausted, Trial
    from nni_nasplus.search.journal import Journal
    from nni_nasplus.search.search import Search
    from nni_nasplus.search.space import Architecture, SearchSpace
    from nni_nasplus.search.strategy import Strategy

__all__ = [
    "Architecture",
    "EventClassifier",
    "EventRegressor",
    "History",
    "ImageClassifier",
    "Journal",
    "Outcome",
    "Proposal",
    "Search",
    "SearchSpace",
    "SearchSpaceExhausted",
    "Strategy",
    "Trial",
    "UserError",
]
__version__ = "0.1.0"

__getattr__ = lazy(
    __name__,
    {
        "Architecture": "search.space",
        "EventClassifier": "estimators",
        "EventRegressor": "estimators",
        "History": "search.history",
        "ImageClassifier": "estimators",
        "Journal": "search.journal",
        "Outcome": "search.history",
        "Proposal": "search.history",
        "Search": "search.search",
        "SearchSpace": "search.space",
        "SearchSpaceExhausted": "search.history",
        "Strategy": "search.strategy",
        "Trial": "search.history",
        "UserError": "errors",
    },
)

warnings.filterwarnings("ignore", r"<class 'torch\.nn\..*is found to be not a nn\.Module", RuntimeWarning)
