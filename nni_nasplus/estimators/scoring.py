"""Answers beside labels, user by user."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nni_nasplus.data.events.labels import Labels
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import RawColumn
from nni_nasplus.estimators.tables import Table

__all__ = ["accuracy"]


def accuracy(
    ids: Sequence[str], answers: Sequence[str], labels: Table, *, id: str, target: str, drop_unmatched: bool
) -> float:
    """The share of labelled users whose answer is their label; other users [U] of the answers count for nothing.

    Parameters
    ----------
    ids, answers
        [U] as they are spelled when they are prepared.

    Raises
    ------
    UserError
        If the labels are bad, or users with a label have no answer, unless they are to be left out.
    """
    with tempfile.TemporaryDirectory(prefix="nasplus-") as folder:
        known = Labels.read(Source(labels, "labels"), id, [target], Path(folder))
    labelled = set(known.texts)
    answered = {user: answer for user, answer in zip(ids, answers, strict=True) if user in labelled}
    users = RawColumn(np.arange(len(answered), dtype=np.float64), "text", list(answered))
    matched, _ = known.match(users, id, drop_unmatched)
    return float(
        np.mean([answered[user] == label for user, (label,) in zip(matched.texts, matched.target, strict=True)])
    )
