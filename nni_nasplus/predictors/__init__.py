"""Performance predictors: what an architecture would reach, from those that were trained."""

from nni_nasplus.predictors.base import Predictor
from nni_nasplus.predictors.gaussian_process import GaussianProcess
from nni_nasplus.predictors.random_forest import RandomForest

__all__ = ["GaussianProcess", "Predictor", "RandomForest"]
