"""The data flow of an architecture of the event-sequence space, for drawing."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import networkx as nx

from nni_nasplus.spaces.events.decisions import GRU

if TYPE_CHECKING:
    from nni_nasplus.data.events.batch import EventShape

__all__ = ["graph"]

_CLOCKS = {"time": "time and gaps", "gaps": "gaps"}
_POOLINGS = {
    "mean": "mean over",
    "max": "maximum over",
    "mixed": "half mean, half maximum over",
    "last": "last of the",
    "attention": "mean, weighted by attention, over",
}


def graph(architecture: Mapping[str, Any], shape: EventShape) -> nx.DiGraph:
    """Nodes from "events" to "classes", in the order data passes them.

    Each has a ``label`` in plain words, a ``kind`` (input, op, merge or output) and the ``layer`` it belongs
    to (such as "stem" or "encoder 2").
    """
    flow: nx.DiGraph = nx.DiGraph()
    _node(flow, "events", "events", "input", "events")
    last = _stem(flow, architecture, shape)
    for i in range(1, architecture["encoder_layers"] + 1):
        last = _encoder_layer(flow, i, architecture, last)
    if architecture["decoder_layers"]:
        last = _decoder(flow, architecture, last)
    steps = "classes" if architecture["decoder_layers"] else "events"
    pooling = _POOLINGS[architecture["pooling"]]
    dropout = ", after dropout of whole steps" if architecture["temporal_dropout"] else ""
    _node(flow, "pooling", f"{pooling} {steps}{dropout}", "op", "head", last)
    _node(flow, "classes", shape.outcome, "output", "head", "pooling")
    return flow


def _node(flow: nx.DiGraph, name: str, label: str, kind: str, layer: str, *sources: str) -> str:
    flow.add_node(name, label=label, kind=kind, layer=layer)
    flow.add_edges_from((source, name) for source in sources)
    return name


def _stem(flow: nx.DiGraph, a: Mapping[str, Any], shape: EventShape) -> str:
    parts = []
    if shape.cardinalities:
        label = f"embeddings of {len(shape.cardinalities)} categorical columns"
        parts.append(_node(flow, "embeddings", label, "op", "stem", "events"))
    if "stem_kernel" in a:
        label = f"convolution of {shape.n_numeric} numeric columns, kernel {a['stem_kernel']}"
        dropout = ", dropout" if a["stem_dropout"] else ""
        parts.append(_node(flow, "numeric", label + dropout, "op", "stem", "events"))
    last = _node(flow, "stem", "join columns", "merge", "stem", *(parts or ["events"]))
    if not a["temporal_encoding"]:
        return last
    time = _node(flow, "time", _CLOCKS[a.get("clock", "time")], "op", "temporal encoding", "events")
    return _node(flow, "timed", "add time", "merge", "temporal encoding", last, time)


def _encoder_layer(flow: nx.DiGraph, i: int, a: Mapping[str, Any], last: str) -> str:
    labels = {
        "a": f"attention, {_heads(a.get(f'encoder_{i}_heads', 0))}",
        "g": _recurrence(a.get(f"encoder_{i}_cell", GRU)),
        "c": "convolution of 3",
    }
    layer = f"encoder {i}"
    ops = [_node(flow, f"encoder_{i}_{letter}", labels[letter], "op", layer, last) for letter in a[f"encoder_{i}_op"]]
    join = "join channels, add input" if len(ops) > 1 else "add input"
    joined = _node(flow, f"encoder_{i}_join", join, "merge", layer, *ops, last)
    return _node(flow, f"encoder_{i}_feed_forward", "feed-forward", "op", layer, joined)


def _recurrence(cell: str) -> str:
    return "GRU" if cell == GRU else shorten(f"recurrent cell {cell}", 60, placeholder=" …")


def _decoder(flow: nx.DiGraph, a: Mapping[str, Any], memory: str) -> str:
    last = _node(flow, "queries", "one query per class", "input", "queries")
    for i in range(1, a["decoder_layers"] + 1):
        layer = f"decoder {i}"
        own, cross = _heads(a[f"decoder_{i}_self_heads"]), _heads(a[f"decoder_{i}_cross_heads"])
        last = _node(flow, f"decoder_{i}_self", f"self-attention, {own}", "op", layer, last)
        last = _node(flow, f"decoder_{i}_cross", f"cross-attention, {cross}", "op", layer, last, memory)
        last = _node(flow, f"decoder_{i}_feed_forward", "feed-forward", "op", layer, last)
    return last


def _heads(count: int) -> str:
    return f"{count} head" if count == 1 else f"{count} heads"
