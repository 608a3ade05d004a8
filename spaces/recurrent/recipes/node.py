"""What a recipe is made of: nodes, each an operation on earlier ones, under the names of NAS-Bench-NLP."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["ARITY", "STATE", "Node", "count_states"]

ARITY = {
    "linear": (1, 3),
    "blend": (3, 3),
    "elementwise_prod": (2, 2),
    "elementwise_sum": (2, 2),
    "activation_tanh": (1, 1),
    "activation_sigm": (1, 1),
    "activation_leaky_relu": (1, 1),
}
"""The operations, with the least and the most inputs."""
STATE = re.compile(r"h_(prev|new)_(0|[1-9][0-9]{0,2})")
"""The name of a state: an input as ``h_prev``, and the node that is its next value as ``h_new``."""


class Node(NamedTuple):
    """An operation on earlier nodes."""

    op: str
    """``linear`` (Σ Wᵢxᵢ + b), ``blend`` (a·b + (1 − a)·c), ``elementwise_prod``, ``elementwise_sum``,
    ``activation_tanh``, ``activation_sigm``, ``activation_leaky_relu``."""
    inputs: tuple[str, ...]
    """The names of the nodes, states and ``x`` that it takes, in order."""


def count_states(names: Iterable[str]) -> int:
    """The number of hidden states, by the names of the nodes: there is one for each ``h_new``."""
    return sum(name.startswith("h_new_") and STATE.fullmatch(name) is not None for name in names)
