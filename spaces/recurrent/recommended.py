"""What is searched in training of language models beside the cell."""

from __future__ import annotations

from typing import Any

from nni_nasplus.networks.hyperparameters import around

__all__ = ["DROPOUT", "RATE", "recommended"]

RATE = 1e-3
"""As NAS-Bench-NLP trains (arXiv 2006.07116)."""
DROPOUT = [1.0, 0.5, 0.0]
"""Shares of the rates of dropout: small texts need all, short trainings none."""


def recommended(learning_rate: float) -> dict[str, Any]:
    """Arguments of a space of recurrent cells beside the sizes of the data.

    Parameters
    ----------
    learning_rate
        What fits the training roughly.
    """
    return {"hyperparameters": {"learning_rate": around(learning_rate), "dropout": DROPOUT}}
