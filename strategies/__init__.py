"""Search strategies. Each is one small class over :class:`nni_nasplus.Strategy`."""

from nni_nasplus._lazy import lazy

TYPE_CHECKING = False
"""As in :mod:`typing`; what is not searched with is not waited for."""
if TYPE_CHECKING:
    from nni_nasplus.strategies.aging_evolution import AgingEvolution
    from nni_nasplus.strategies.random_search import RandomSearch
    from nni_nasplus.strategies.thompson_sampling import ThompsonSampling

__all__ = ["AgingEvolution", "RandomSearch", "ThompsonSampling"]

__getattr__ = lazy(
    __name__,
    {
        "AgingEvolution": "aging_evolution",
        "RandomSearch": "random_search",
        "ThompsonSampling": "thompson_sampling",
    },
)
