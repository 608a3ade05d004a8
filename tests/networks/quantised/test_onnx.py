"""Networks of few bits as ONNX: bytes for weights, QuantizeLinear for inputs, and the same answers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from te_nas_searches import NB201, images

from nni_nasplus.networks.export import export_onnx
from nni_nasplus.networks.quantised.layers import Bits, quantise_layers
from nni_nasplus.networks.quantised.space import QuantisedSpace
from nni_nasplus.spaces.superresolution import SuperResolutionSpace

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


ENLARGING = SuperResolutionSpace(channels=4, blocks=4, bits=[2, 4, 8])


def test_networks_that_enlarge_take_pictures_of_any_size_as_onnx(tmp_path):
    chosen = ("conv3x3@2", "separable3x3@4", "bottleneck@8", "skip")
    network = ENLARGING.build({f"block_{place}": one for place, one in enumerate(chosen, 1)}).train()
    torch.nn.init.normal_(network.tail.weight, std=0.1)
    network(torch.rand(2, 3, 16, 16))
    path = tmp_path / "model.onnx"
    assert export_onnx(network.eval(), ENLARGING.example(), path)
    picture = torch.rand(1, 3, 21, 34)
    (said,) = onnxruntime.InferenceSession(path).run(None, {"input": picture.numpy()})
    assert said.shape == (1, 3, 42, 68)
    with torch.inference_mode():
        np.testing.assert_allclose(said, network(picture).numpy(), atol=1e-5)
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count("QuantizeLinear") == 2 + 4 + 3


def test_linear_layers_with_a_bias_say_the_same_as_onnx(tmp_path):
    layers = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    network = quantise_layers(layers, {"0": Bits(4, 8), "2": Bits(2, 2)}).train()
    batch = torch.rand((9, 6), generator=torch.Generator().manual_seed(0))
    network(batch)
    assert export_onnx(network.eval(), batch[:1], tmp_path / "model.onnx")
    (said,) = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, {"input": batch.numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(said, network(batch).numpy(), atol=1e-5)
