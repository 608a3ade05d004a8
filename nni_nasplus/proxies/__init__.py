"""Zero-cost proxies: what an untrained network says of how good it will be, by a batch of examples or by none.

Each is a function of a network, a batch and a generator, on networks for images, events and texts alike; see
:mod:`nni_nasplus.proxies.examples` for what a batch is. Compare them with the baselines, parameters and FLOPs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.proxies.activation_patterns import patterns
    from nni_nasplus.proxies.examples import require_distinct
    from nni_nasplus.proxies.gradients import grad_norm, snip
    from nni_nasplus.proxies.hamming import naswot
    from nni_nasplus.proxies.jacobian_covariance import jacob_cov
    from nni_nasplus.proxies.ntk import condition_number, jacobian, ntk_condition
    from nni_nasplus.proxies.pool import rank_pool
    from nni_nasplus.proxies.proxy import Proxy, lower_is_better, proxy_named
    from nni_nasplus.proxies.random_inputs import random_batch
    from nni_nasplus.proxies.regions import linear_regions
    from nni_nasplus.proxies.size import flops, parameters
    from nni_nasplus.proxies.synaptic_saliency import synaptic_flow, synflow
    from nni_nasplus.proxies.untrained import UntrainedProxy, untrained_network

__all__ = [
    "Proxy",
    "UntrainedProxy",
    "condition_number",
    "flops",
    "grad_norm",
    "jacob_cov",
    "jacobian",
    "linear_regions",
    "lower_is_better",
    "naswot",
    "ntk_condition",
    "parameters",
    "patterns",
    "proxy_named",
    "random_batch",
    "rank_pool",
    "require_distinct",
    "snip",
    "synaptic_flow",
    "synflow",
    "untrained_network",
]

# No module is called as a function is: importing it would put it in the function's place.
__getattr__ = lazy(
    __name__,
    {
        "Proxy": "proxy",
        "UntrainedProxy": "untrained",
        "condition_number": "ntk",
        "flops": "size",
        "grad_norm": "gradients",
        "jacob_cov": "jacobian_covariance",
        "jacobian": "ntk",
        "linear_regions": "regions",
        "lower_is_better": "proxy",
        "naswot": "hamming",
        "ntk_condition": "ntk",
        "parameters": "size",
        "patterns": "activation_patterns",
        "proxy_named": "proxy",
        "random_batch": "random_inputs",
        "rank_pool": "pool",
        "require_distinct": "examples",
        "snip": "gradients",
        "synaptic_flow": "synaptic_saliency",
        "synflow": "synaptic_saliency",
        "untrained_network": "untrained",
    },
)
