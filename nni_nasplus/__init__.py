"""Neural architecture search as a plugin of NNI and Optuna."""

import warnings

from nni_nasplus.errors import UserError
from nni_nasplus.search.history import History, Outcome, Proposal, SearchSpaceExhausted, Trial
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.search import Search
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import Strategy

__all__ = [
    "Architecture",
    "History",
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

warnings.filterwarnings("ignore", r"<class 'torch\.nn\..*is found to be not a nn\.Module", RuntimeWarning)
