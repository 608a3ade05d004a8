"""The data flow of a network of inverted residual blocks, for drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nni_nasplus.spaces.mobile.genotype import Block, MobileGenotype
from nni_nasplus.spaces.mobile.plan import MobileMacro, genotype_of, operation

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["flow_of", "graph_of"]


def graph_of(architecture: Mapping[str, Any], macro: MobileMacro) -> nx.DiGraph:
    """The flow of an architecture of the mobile space, a frame for each stage; see :func:`flow_of`."""
    layers = [layer for layer in macro.places if operation(layer) in architecture]
    places = [("first", "stem"), *((operation(layer), f"stage {layer.stage}") for layer in layers)]
    return flow_of(genotype_of(architecture, macro), macro.stem_stride, places, macro.classes)


def flow_of(genotype: MobileGenotype, stride: int, places: Sequence[tuple[str, str]], classes: int) -> nx.DiGraph:
    """From the image to the classes: a node for each block; of one that its input is added to the label says so.

    Nodes have a ``label`` in plain words, a ``kind`` (input, op or output), and the ``layer`` they belong to.

    Parameters
    ----------
    stride
        Of the first convolution.
    places
        The name of each block's node, and the layer it belongs to.
    """
    import networkx as nx

    flow: nx.DiGraph = nx.DiGraph()
    _node(flow, "image", "image", "input", "stem")
    begins = f", stride {stride}" * (stride > 1)
    last = _node(flow, "stem", f"3×3 convolution to {genotype.stem}{begins}", "op", "stem", "image")
    n_in = genotype.stem
    for block, (name, layer) in zip(genotype.blocks, places, strict=True):
        added = ", plus input" * (block.stride == 1 and block.channels == n_in)
        last = _node(flow, name, _label(block) + added, "op", layer, last)
        n_in = block.channels
    last = _node(flow, "head", f"1×1 convolution to {genotype.head}, mean over the image", "op", "head", last)
    _node(flow, "classes", f"{classes} classes", "output", "head", last)
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
