"""K folds of the users who train and validate: each of them is held out in one (Stone, 1974)."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from nni_nasplus.data.cache import map_array, meta_of
from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.splits import TEST, TRAIN, VAL
from nni_nasplus.data.targets import Target
from nni_nasplus.errors import UserError

__all__ = ["GROUPS", "drawn_folds", "held_out"]

GROUPS = "group.npy"
"""[U] int64, the group of each user, in a cache whose users have groups."""


def held_out(cache: Path, arrays: EventArrays, target: Target, fold: int, count: int) -> EventArrays:
    """The arrays of a cache where the users of one fold validate and those of the others train; who tests still does.

    Parameters
    ----------
    cache
        The folder of the arrays, which has the seed of the split and the groups.
    arrays, target
        Of that folder.
    fold, count
        Which fold, from 0, of how many.

    Raises
    ------
    UserError
        If the users cannot be divided so.
    """
    folds = drawn_folds(arrays, target, count, meta_of(cache)["made_from"]["seed"], _groups(cache))
    split = np.where(folds == fold, VAL, TRAIN).astype(np.int8)
    return replace(arrays, split=np.where(arrays.split == TEST, TEST, split).astype(np.int8))


def _groups(cache: Path) -> NDArray[np.int64] | None:
    """The group [U] of each user; UserError where the cache has not kept it."""
    if not meta_of(cache)["made_from"].get("groups"):
        return None
    if not (cache / GROUPS).is_file():
        raise UserError(f"{cache} was prepared before groups were kept: search anew, or leave out --folds")
    return map_array(cache / GROUPS)


def drawn_folds(
    arrays: EventArrays, target: Target, count: int, seed: int, groups: NDArray[np.int64] | None = None
) -> NDArray[np.int8]:
    """The fold [U] of each user, from 0 to ``count`` − 1, with equal shares of classes; −1 of those who test.

    Parameters
    ----------
    arrays, target
        The users, and what is predicted of them.
    count
        How many folds, 2 or more.
    seed
        Fixes who is in which.
    groups
        [U] the group of each user, of whom all fall into the same fold; None where every user stands alone.

    Raises
    ------
    UserError
        If there are too few users, groups or users of a class.
    """
    users = arrays.rows("train", "val")
    strata = target.strata(arrays.label[users])[0]
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    parts = kind(count, shuffle=True, random_state=seed)
    folds = np.full(len(arrays.split), -1, dtype=np.int8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, held) in enumerate(parts.split(users, strata, None if groups is None else groups[users])):
            folds[users[held]] = number
    return folds
