"""A space of five edges, and results of some of its architectures."""

from __future__ import annotations

import numpy as np

from nni_nasplus import SearchSpace

EDGES = SearchSpace({f"edge{i}": ["none", "skip", "conv", "pool"] for i in range(5)})


def trained(count, seed=0, noise=0.0):
    """Random architectures and their utilities, whose convolutions help, most of all on the first edge."""
    rng = np.random.default_rng(seed)
    architectures = [EDGES.sample(rng) for _ in range(count)]
    utilities = [sum(v == "conv" for v in a.values()) + 2.0 * (a["edge0"] == "conv") for a in architectures]
    return architectures, np.array(utilities) + noise * rng.standard_normal(count)
