"""``nasplus predict``: score new data with an exported network."""

from __future__ import annotations

import sys
from pathlib import Path

from nni_nasplus.errors import UserError
from nni_nasplus.run.model import Model

__all__ = ["predict"]


def predict(
    model: str,
    *,
    events: str | None = None,
    images: str | None = None,
    text: str | None = None,
    to: str | None = None,
) -> None:
    """Write what the network says: of users and images the class probabilities, of lines of a text the perplexity.

    Parameters
    ----------
    model
        The directory written by nasplus export.
    events
        Table of new events with the columns of the training events, CSV or Parquet.
    images
        An .npz archive with an array x or x_test, a picture, or a folder of pictures.
    text
        A plain text file.
    to
        A .csv or .parquet file; standard output when left out.
    """
    out = Path(to) if to else None
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise UserError(f"--to is {out}; end it in .csv or .parquet")
    loaded = Model.load(model)
    source = loaded.preprocessing.source
    data = {"events": events, "images": images, "text": text}.pop(source, None)
    if data is None:
        raise UserError(f"{model} reads {source}; name them with --{source}")
    answers = loaded.predict(data)
    if out is None:
        answers.to_csv(sys.stdout, index=False)
    elif out.suffix == ".csv":
        answers.to_csv(out, index=False)
    else:
        answers.to_parquet(out, index=False)
