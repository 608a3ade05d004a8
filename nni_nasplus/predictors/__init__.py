"""Performance predictors: what an architecture would reach, from those that were trained."""

from nni_nasplus._lazy import lazy

TYPE_CHECKING = False
"""As in :mod:`typing`; a search with one predictor does not wait for the libraries of the others."""
if TYPE_CHECKING:
    from nni_nasplus.predictors.base import Predictor
    from nni_nasplus.predictors.gaussian_process import GaussianProcess
    from nni_nasplus.predictors.trees.random_forest import RandomForest

__all__ = ["GaussianProcess", "Predictor", "RandomForest"]

__getattr__ = lazy(
    __name__, {"GaussianProcess": "gaussian_process", "Predictor": "base", "RandomForest": "trees.random_forest"}
)
