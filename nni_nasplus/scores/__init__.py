"""Training-free scores: what a network says of itself before it is trained, by a batch or by none.

Each is a function of a network, a batch and a generator, on networks for images, events and texts alike; see
:mod:`nni_nasplus.scores.examples` for what a batch is. Compare them with the baselines, parameters and FLOPs.
"""

from nni_nasplus.scores.examples import require_distinct
from nni_nasplus.scores.fresh import FreshScore, fresh_network
from nni_nasplus.scores.gradients import grad_norm, snip
from nni_nasplus.scores.jacobian_covariance import jacob_cov
from nni_nasplus.scores.linear_regions import linear_regions
from nni_nasplus.scores.naswot import naswot
from nni_nasplus.scores.ntk import condition_number, jacobian, ntk_condition
from nni_nasplus.scores.patterns import patterns
from nni_nasplus.scores.pool import score_pool
from nni_nasplus.scores.random_inputs import random_batch
from nni_nasplus.scores.synflow import synaptic_flow, synflow
from nni_nasplus.scores.table import SCORES, Score, flops, parameters, score_named

__all__ = [
    "SCORES",
    "FreshScore",
    "Score",
    "condition_number",
    "flops",
    "fresh_network",
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
]
