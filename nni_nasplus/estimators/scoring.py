"""Answers beside labels, user by user."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nni_nasplus.data.events.labels import Labels, Predicted
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import RawColumn
from nni_nasplus.estimators.tables import Table

__all__ = ["labelled"]


def labelled(
    ids: Sequence[str], labels: Table, id: str, targets: Sequence[str], predicted: Predicted, *, drop_unmatched: bool
) -> tuple[list[int], list[tuple[Any, ...]]]:
    """The positions of those users [U] that have labels, and the targets of each; others count for nothing.

    Parameters
    ----------
    ids
        [U] as they are spelled when they are prepared.
    labels, id, targets, predicted
        The table, its columns, and what the targets are taken for.
    drop_unmatched
        Whether labelled users that are not there are left out.

    Raises
    ------
    UserError
        If the labels are bad, or users with a label are not there, unless they are to be left out.
    """
    with tempfile.TemporaryDirectory(prefix="nasplus-") as folder:
        known = Labels.read(Source(labels, "labels"), id, targets, Path(folder), predicted)
    with_labels = set(known.texts)
    place = {user: row for row, user in enumerate(ids) if user in with_labels}
    users = RawColumn(np.arange(len(place), dtype=np.float64), "text", list(place))
    matched, _ = known.match(users, id, drop_unmatched)
    return [place[user] for user in matched.texts], matched.target
