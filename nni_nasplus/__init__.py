"""Neural architecture search as a plugin of NNI and Optuna."""

import warnings

from nni_nasplus.archive import Archive, Trial
from nni_nasplus.errors import UserError
from nni_nasplus.search import Search
from nni_nasplus.space import Architecture, SearchSpace
from nni_nasplus.strategy import SearchSpaceExhausted, Strategy

__all__ = [
    "Architecture",
    "Archive",
    "Search",
    "SearchSpace",
    "SearchSpaceExhausted",
    "Strategy",
    "Trial",
    "UserError",
]
__version__ = "0.1.0"

warnings.filterwarnings("ignore", r"<class 'torch\.nn\..*is found to be not a nn\.Module", RuntimeWarning)
