"""``nasplus predict``: score new data with an exported network."""

from __future__ import annotations

import sys
from pathlib import Path

from nni_nasplus.errors import UserError
from nni_nasplus.model import Model

__all__ = ["predict"]


def predict(model: str, *, events: str, to: str | None = None) -> None:
    """Write each user's id and class probabilities, a column p_CLASS for each class.

    Parameters
    ----------
    model
        The directory written by nasplus export.
    events
        Table of new events with the columns of the training events, CSV or Parquet.
    to
        A .csv or .parquet file; standard output when left out.
    """
    out = Path(to) if to else None
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise UserError(f"--to is {out}; end it in .csv or .parquet")
    probabilities = Model.load(model).predict(events)
    if out is None:
        probabilities.to_csv(sys.stdout, index=False)
    elif out.suffix == ".csv":
        probabilities.to_csv(out, index=False)
    else:
        probabilities.to_parquet(out, index=False)
