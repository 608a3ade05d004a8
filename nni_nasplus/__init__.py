"""Neural architecture search as a plugin of NNI and Optuna."""

import warnings

from nni_nasplus.errors import UserError
from nni_nasplus.search.journal import Journal, Trial
from nni_nasplus.search.search import Search
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import SearchSpaceExhausted, Strategy

__all__ = [
    "Architecture",
    "Journal",
    "Search",
    "SearchSpace",
    "SearchSpaceExhausted",
    "Strategy",
    "Trial",
    "UserError",
]
__version__ = "0.1.0"

warnings.filterwarnings("ignore", r"<class 'torch\.nn\..*is found to be not a nn\.Module", RuntimeWarning)
