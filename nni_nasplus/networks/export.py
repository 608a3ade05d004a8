"""A trained network as ONNX."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.quantised.layers import packed
from nni_nasplus.networks.quantised.onnx_weights import pack_weights

__all__ = ["export_onnx", "onnx_available"]

logger = logging.getLogger(__name__)


def onnx_available() -> bool:
    """Whether the ``onnx`` extra is installed."""
    return importlib.util.find_spec("onnx") is not None


class _Unpacked(nn.Module):
    """Takes the fields of a named tuple one by one, as ONNX inputs."""

    def __init__(self, network: nn.Module, kind: type) -> None:
        super().__init__()
        self.network = network
        self.kind = kind

    def forward(self, *fields: torch.Tensor) -> torch.Tensor:
        return self.network(self.kind(*fields))


def export_onnx(network: nn.Module, example: Any, path: Path) -> bool:
    """Write ``network`` as ONNX; on failure log the reason and go on, since the trial's result does not need it.

    Weights of few bits are whole numbers of a byte in the file, which DequantizeLinear multiplies; inputs of few bits
    go through QuantizeLinear and DequantizeLinear.

    Parameters
    ----------
    example
        A named tuple of tensors, or a tensor: the network's input. Its first two axes, batch and length, may vary
        afterwards; of a network with an attribute ``free_axes`` those that it names, of its answer as well.

    Returns
    -------
    Whether the file was written.

    Raises
    ------
    UserError
        If the network itself says that it cannot be ONNX.
    """
    if not onnx_available():
        logger.info("model.onnx is not written: install nni-nasplus[onnx]")
        return False
    training = network.training
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            with packed(network) as count:
                _export(network.eval(), example, path)
            if count:
                pack_weights(path)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - the exporter raises anything, and the trial's result stands
        logger.warning("model.onnx is not written: %s", str(error).partition("\n")[0])
        return False
    finally:
        network.train(training)
    return True


def _export(network: nn.Module, example: Any, path: Path) -> None:
    fields = tuple(example if isinstance(example, tuple) else (example,))
    names = list(getattr(example, "_fields", ["input"]))
    wrapped = _Unpacked(network, type(example)) if isinstance(example, tuple) else network
    free: dict[int, str] | None = getattr(network, "free_axes", None)
    given, said = (free, free) if free else ({0: "batch", 1: "length"}, {0: "batch"})
    axes = {name: given for name, field in zip(names, fields, strict=True) if field.dim() > 1}
    torch.onnx.export(
        wrapped.eval(),
        fields,
        path,
        input_names=names,
        output_names=["logits"],
        dynamic_axes={**axes, "logits": said},
        dynamo=False,
        opset_version=17,
    )
