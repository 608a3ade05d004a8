"""Weights in ONNX files as the whole numbers that they are quantised to: a byte each instead of four."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nni_nasplus._files import new_file

__all__ = ["pack_weights"]


def pack_weights(path: Path) -> int:
    """Quantise in the file what its graph would quantise of constants, once and for all.

    Returns
    -------
    How many there were.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    graph = model.graph
    constants = _constants(graph)
    packed = [n for n in graph.node if n.op_type == "QuantizeLinear" and set(n.input) <= constants.keys()]
    for node in packed:
        numbers, scale, zero = (constants[name] for name in node.input)
        whole = np.rint(numbers / scale) + zero.astype(np.float32)
        limits = np.iinfo(zero.dtype)
        own = whole.clip(limits.min, limits.max).astype(zero.dtype)
        graph.initializer.append(numpy_helper.from_array(own, node.output[0]))
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input} | {one.name for one in graph.output}
    for one in [one for one in graph.initializer if one.name not in used]:
        graph.initializer.remove(one)
    for node in [node for node in graph.node if node.op_type == "Constant" and node.output[0] not in used]:
        graph.node.remove(node)
    with new_file(path) as partial:
        onnx.save(model, partial)
    return len(packed)


def _constants(graph: Any) -> dict[str, np.ndarray]:
    """By name those that are initialisers or nodes of their own."""
    from onnx import numpy_helper

    found = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Identity" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found
