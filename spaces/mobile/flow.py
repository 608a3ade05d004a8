"""The data flow of a mobile network, for drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nni_nasplus.spaces.mobile.genotype import Block, Operation
from nni_nasplus.spaces.mobile.plan import MobileMacro, operation

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["graph_of"]


def graph_of(architecture: Mapping[str, Any], macro: MobileMacro) -> nx.DiGraph:
    """From the image to the classes: a node for each block; of one that its input is added to the label says so.

    Nodes have a ``label`` in plain words, a ``kind`` (input, op or output), and the ``layer`` they belong to, which is
    the stage.
    """
    import networkx as nx

    flow: nx.DiGraph = nx.DiGraph()
    layers = [layer for layer in macro.places if operation(layer) in architecture]
    _node(flow, "image", "image", "input", "stem")
    stride = f", stride {macro.stem_stride}" * (macro.stem_stride > 1)
    last = _node(flow, "stem", f"3×3 convolution to {macro.stem_channels}{stride}", "op", "stem", "image")
    last = _node(flow, "first", _label(macro.first), "op", "stem", last)
    for layer in layers:
        name, stage = operation(layer), f"stage {layer.stage}"
        block = Block(Operation.parse(architecture[name]), layer.n_out, layer.stride)
        added = ", plus input" * (layer.stride == 1 and layer.n_in == layer.n_out)
        last = _node(flow, name, _label(block) + added, "op", stage, last)
    last = _node(flow, "head", f"1×1 convolution to {macro.head}, mean over the image", "op", "head", last)
    _node(flow, "classes", f"{macro.classes} classes", "output", "head", last)
    return flow


def _node(flow: nx.DiGraph, name: str, label: str, kind: str, layer: str, source: str = "") -> str:
    flow.add_node(name, label=label, kind=kind, layer=layer)
    if source:
        flow.add_edge(source, name)
    return name


def _label(block: Block) -> str:
    """``MB6 5×5 SE to 40, stride 2``."""
    kernel, expansion, squeeze = block.operation
    kind = "separable" if expansion is None else f"MB{expansion}"
    further = " SE" * squeeze
    return f"{kind} {kernel}×{kernel}{further} to {block.channels}" + f", stride {block.stride}" * (block.stride > 1)
