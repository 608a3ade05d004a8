"""Neural architecture search as a plugin of NNI and Optuna."""

from __future__ import annotations

import warnings

from nni_nasplus._lazy import lazy

TYPE_CHECKING = False
"""As in :mod:`typing`, which takes longer to import than the command may take to hear a signal."""
if TYPE_CHECKING:
    from nni_nasplus.cli.tasks.base import Task
    from nni_nasplus.errors import UserError
    from nni_nasplus.estimators.events import EventClassifier, EventRegressor
    from nni_nasplus.estimators.images import ImageClassifier
    from nni_nasplus.networks.network_space import NetworkSpace
    from nni_nasplus.search.history import History, SearchSpaceExhausted
    from nni_nasplus.search.journal import Journal
    from nni_nasplus.search.search import Search
    from nni_nasplus.search.space import Architecture, SearchSpace
    from nni_nasplus.search.strategy import Strategy
    from nni_nasplus.search.trial import Outcome, Proposal, Trial
    from nni_nasplus.training.evaluator import Evaluator

__all__ = [
    "Architecture",
    "Evaluator",
    "EventClassifier",
    "EventRegressor",
    "History",
    "ImageClassifier",
    "Journal",
    "NetworkSpace",
    "Outcome",
    "Proposal",
    "Search",
    "SearchSpace",
    "SearchSpaceExhausted",
    "Strategy",
    "Task",
    "Trial",
    "UserError",
]
__version__ = "0.1.0"

__getattr__ = lazy(
    __name__,
    {
        "Architecture": "search.space",
        "Evaluator": "training.evaluator",
        "EventClassifier": "estimators",
        "EventRegressor": "estimators",
        "History": "search.history",
        "ImageClassifier": "estimators",
        "Journal": "search.journal",
        "NetworkSpace": "networks.network_space",
        "Outcome": "search.trial",
        "Proposal": "search.trial",
        "Search": "search.search",
        "SearchSpace": "search.space",
        "SearchSpaceExhausted": "search.history",
        "Strategy": "search.strategy",
        "Task": "cli.tasks.base",
        "Trial": "search.trial",
        "UserError": "errors",
    },
)

warnings.filterwarnings("ignore", r"<class 'torch\.nn\..*is found to be not a nn\.Module", RuntimeWarning)
