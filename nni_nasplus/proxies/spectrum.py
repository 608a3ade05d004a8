"""Eigenvalues of kernels of examples."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["singular", "spectrum"]


def spectrum(gram: Tensor) -> Tensor:
    """Return the eigenvalues of a symmetric matrix [N, N], ascending; all are NaN where the matrix is not finite."""
    return torch.linalg.eigvalsh(gram) if gram.isfinite().all() else gram.new_full((len(gram),), torch.nan)


def singular(values: Tensor) -> bool:
    """Say whether the least of ascending eigenvalues cannot be told from 0: numerical rank, as numpy's."""
    return bool(values[0] <= len(values) * torch.finfo(values.dtype).eps * values[-1])
