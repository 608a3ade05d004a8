"""Networks of few bits as ONNX: bytes for weights, QuantizeLinear for inputs, and the same answers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from te_nas_searches import NB201, images

from nni_nasplus.networks.export import export_onnx
from nni_nasplus.networks.quantised.space import QuantisedSpace

CELL = dict.fromkeys(NB201.search_space.decisions, "nor_conv_1x1")
SPACE = QuantisedSpace.of(NB201, CELL, [1, 2, 4, 5, 8, 32])


@pytest.mark.parametrize("bits", [8, 1, None])
def test_the_file_has_bytes_and_says_what_the_network_says(bits, tmp_path):
    chosen = SPACE.search_space.sample(np.random.default_rng(0)) if bits is None else SPACE.uniform(bits)
    network = SPACE.build(chosen).train()
    network(images())
    before = [weight.clone() for weight in network.eval().state_dict().values()]
    path = tmp_path / "model.onnx"
    assert export_onnx(network, images(count=1), path)
    assert all(torch.equal(a, b) for a, b in zip(before, network.state_dict().values(), strict=True))
    (said,) = onnxruntime.InferenceSession(path).run(None, {"input": images().numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(said, network(images()).numpy(), atol=1e-5)
    _require_bytes(onnx.load(path).graph, list(SPACE.bits_of(chosen).values()))


def _require_bytes(graph, bits):
    few = [sum(getattr(one, what) < 32 for one in bits) for what in ("weights", "inputs")]
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("DequantizeLinear") == sum(few)
    assert kinds.count("QuantizeLinear") == few[1]
    matrices = [one.data_type for one in graph.initializer if len(one.dims) in (2, 4)]
    assert matrices.count(onnx.TensorProto.INT8) == few[0]
    assert len(matrices) == len(bits)
