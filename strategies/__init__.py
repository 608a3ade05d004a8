"""Search strategies. Each is one small class over :class:`nni_nasplus.Strategy`."""

from nni_nasplus.strategies.aging_evolution import AgingEvolution
from nni_nasplus.strategies.random_search import RandomSearch
from nni_nasplus.strategies.thompson_sampling import ThompsonSampling

__all__ = ["AgingEvolution", "RandomSearch", "ThompsonSampling"]
