"""What a network exported as ONNX must say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from scipy.special import softmax
from torch import nn

from nni_nasplus.data.events import EventDataModule

__all__ = ["require_equal_logits", "require_equal_probabilities"]


def require_equal_logits(network: nn.Module, model: Path, cache: Path, atol: float) -> None:
    """Fail unless ONNX gives a network's logits for validation users in batches of several sizes and lengths."""
    for said, expected in _both(network, model, cache):
        np.testing.assert_allclose(said, expected, atol=atol)


def require_equal_probabilities(network: nn.Module, model: Path, cache: Path, atol: float) -> None:
    """The same for probabilities, where logits are logarithms of what may be next to nothing."""
    for said, expected in _both(network, model, cache):
        np.testing.assert_allclose(softmax(said, axis=-1), softmax(expected, axis=-1), atol=atol)


def _both(network: nn.Module, model: Path, cache: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    session = onnxruntime.InferenceSession(model)
    wanted = {i.name for i in session.get_inputs()}
    for batch in EventDataModule(cache, batch_size=7).val_dataloader():
        fields = {name: value.numpy() for name, value in batch._asdict().items() if name in wanted}
        with torch.inference_mode():
            yield session.run(None, fields)[0], network(batch).numpy()
