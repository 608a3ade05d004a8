"""Recipes as a line of text: ``linear(x,h0) tanh(0) | 1`` is the plain recurrent cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nni_nasplus.errors import UserError

__all__ = ["OPERATIONS", "SHORT", "read", "written"]

OPERATIONS = {
    "linear": "linear",
    "blend": "blend",
    "prod": "elementwise_prod",
    "sum": "elementwise_sum",
    "tanh": "activation_tanh",
    "sigm": "activation_sigm",
    "leaky_relu": "activation_leaky_relu",
}
"""The published operation by its short name."""
SHORT = {operation: short for short, operation in OPERATIONS.items()}
"""The short name by the published operation."""
_NODE = re.compile(r"(\w+)\(([\w,]+)\)")
Line = tuple[str, str, tuple[str, ...]]
"""A node's published name, operation and inputs."""


def written(nodes: Iterable[Line]) -> str:
    """Write nodes, each after its inputs, as a line of text."""
    lines = list(nodes)
    number = {name: str(place) for place, (name, _, _) in enumerate(lines)}
    short = {"x": "x", **{f"h_prev_{state}": f"h{state}" for state in range(len(lines))}, **number}
    words = [f"{SHORT[op]}({','.join(short[source] for source in inputs)})" for _, op, inputs in lines]
    states = sorted(name for name in number if name.startswith("h_new_"))
    return f"{' '.join(words)} | {' '.join(number[state] for state in states)}"


def read(text: str) -> Iterator[Line]:
    """Yield the nodes of a text, in order.

    Raises
    ------
    UserError
        If the text has another form, an unknown operation, or a state that is none of its nodes.
    """
    words, _, last = text.partition("|")
    found = [_NODE.fullmatch(word) for word in words.split()]
    names = {number: f"h_new_{state}" for state, number in enumerate(last.split())}
    if not names or not all(found) or any(match[1] not in OPERATIONS for match in found if match):
        known = ", ".join(OPERATIONS)
        raise UserError(f"'{text}' is no recipe; write it as 'linear(x,h0) tanh(0) | 1', with {known}")
    if beyond := sorted(names.keys() - set(map(str, range(len(found))))):
        raise UserError(
            f"'{text}' names node {beyond[0]} a state, which is not there; it has {len(found)} nodes from 0 on"
        )
    long = {"x": "x", **{f"h{state}": f"h_prev_{state}" for state in range(len(names))}}
    for place, match in enumerate(match for match in found if match):
        inputs = tuple(names.get(source, long.get(source, source)) for source in match[2].split(","))
        yield names.get(str(place), str(place)), OPERATIONS[match[1]], inputs
