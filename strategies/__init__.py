"""Search strategies. Each is one small class over :class:`nni_nasplus.Strategy`."""

from nni_nasplus.strategies.aging_evolution import AgingEvolution
from nni_nasplus.strategies.random_search import RandomSearch

__all__ = ["AgingEvolution", "RandomSearch"]
