"""A pool of random architectures, ranked by a proxy before any is trained."""

from nni_nasplus.proxies.pool.rank import Excess, Progress, rank_pool

__all__ = ["Excess", "Progress", "rank_pool"]
