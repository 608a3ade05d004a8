"""``nasplus predict``: score new data with an exported network."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nni_nasplus._files import new_file
from nni_nasplus.errors import UserError
from nni_nasplus.run.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["predict"]


def predict(
    model: str,
    *,
    events: str | None = None,
    images: str | None = None,
    text: str | None = None,
    static: str | None = None,
    skip_damaged: bool = False,
    pictures: str | None = None,
    to: str | None = None,
) -> None:
    """Write what the network says: of users and images the class probabilities, of lines of a text the perplexity.

    One that enlarges pictures writes them, and a table of their sizes.

    Parameters
    ----------
    model
        The directory written by nasplus export.
    events
        Table of new events with the columns of the training events, CSV or Parquet: a file, a folder of part files,
        or a pattern such as 'part*.csv'.
    images
        An .npz archive with an array x or x_test, a picture, or a folder of pictures.
    text
        A plain text file.
    static
        Table of the users of these events, where the network reads attributes of them: the id, and the columns that the
        search had by --static.
    skip_damaged
        Leave out pictures that cannot be read; else they are named, and nothing is scored.
    pictures
        Of a network that enlarges pictures, the folder to write them into.
    to
        A .csv or .parquet file; standard output when left out.
    """
    out = Path(to) if to else None
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise UserError(f"--to is {out}; end it in .csv or .parquet")
    if skip_damaged and not images:
        raise UserError("--skip-damaged has no effect without --images; leave it out")
    if static and not events:
        raise UserError("--static has no effect without --events; leave it out")
    options: dict[str, dict[str, Any]] = {
        "events": {"attributes": static} if static else {},
        "images": {"skip_damaged": True} if skip_damaged else {},
    }
    with new_file(out) if out else contextlib.nullcontext() as partial:
        answers = _answers(model, {"events": events, "images": images, "text": text}, options, pictures)
        if partial is None:
            answers.to_csv(sys.stdout, index=False)
        elif partial.suffix == ".csv":
            answers.to_csv(partial, index=False)
        else:
            answers.to_parquet(partial, index=False)


def _answers(
    model: str, given: dict[str, str | None], options: dict[str, dict[str, Any]], pictures: str | None
) -> pd.DataFrame:
    loaded = Model.load(model)
    source = loaded.preprocessing.source
    data = given[source]
    if data is None:
        raise UserError(f"{model} reads {source}; name them with --{source}")
    if pictures is not None and not loaded.preprocessing.gives_pictures:
        raise UserError(f"--pictures has no effect on {model}, whose answers are no pictures; leave it out")
    folder = {} if pictures is None else {"pictures": pictures}
    return loaded.predict(data, **options.get(source, {}), **folder)
