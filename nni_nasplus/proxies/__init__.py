"""Training-free scores: what a network says of itself before it is trained, by a batch or by none.

Each is a function of a network, a batch and a generator, on networks for images, events and texts alike; see
:mod:`nni_nasplus.proxies.examples` for what a batch is. Compare them with the baselines, parameters and FLOPs.
"""

from nni_nasplus.proxies.examples import require_distinct
from nni_nasplus.proxies.gradients import grad_norm, snip
from nni_nasplus.proxies.jacobian_covariance import jacob_cov
from nni_nasplus.proxies.linear_regions import linear_regions
from nni_nasplus.proxies.naswot import naswot
from nni_nasplus.proxies.ntk import condition_number, jacobian, ntk_condition
from nni_nasplus.proxies.patterns import patterns
from nni_nasplus.proxies.pool import score_pool
from nni_nasplus.proxies.random_inputs import random_batch
from nni_nasplus.proxies.synflow import synaptic_flow, synflow
from nni_nasplus.proxies.table import SCORES, Score, flops, parameters, score_named
from nni_nasplus.proxies.untrained import FreshScore, untrained_network

__all__ = [
    "SCORES",
    "FreshScore",
    "Score",
    "condition_number",
    "flops",
    "grad_norm",
    "jacob_cov",
    "jacobian",
    "linear_regions",
    "naswot",
    "ntk_condition",
    "parameters",
    "patterns",
    "random_batch",
    "require_distinct",
    "score_named",
    "score_pool",
    "snip",
    "synaptic_flow",
    "synflow",
    "untrained_network",
]
