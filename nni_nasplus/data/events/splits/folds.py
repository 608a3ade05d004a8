"""K folds of the users who train and validate, each of whom is held out once (Stone, 1974)."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from nni_nasplus.data.cache import map_array, meta_of
from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.splits.draw import TEST, TRAIN, VAL
from nni_nasplus.data.targets import Target
from nni_nasplus.errors import UserError

__all__ = ["GROUPS", "fold_of_users", "held_out", "recommended_folds"]

GROUPS = "group.npy"
"""[U] int64, the group of each user, in a cache whose users have groups."""
_FOLDS = 5
"""Each network then learns from four fifths of the users: no fewer than those who train."""
_FEW = 3000
"""Users that train or validate, from which on the validation users decide well enough."""


def recommended_folds(cache: Path) -> int:
    """How many folds the users of a cache are worth dividing into: five, or 0.

    It is 0 where they are many, or too few of a class, and where somebody has named those who validate, which folds
    would mix with those who train.
    """
    meta = meta_of(cache)
    if meta.get("validation_named") or meta["users"]["train"] + meta["users"]["val"] >= _FEW:
        return 0
    arrays, target = EventArrays.open(cache), EventEncoder.load(cache).target
    try:
        held_out(cache, arrays, target, 0, _FOLDS)
    except UserError:
        return 0
    return _FOLDS


def held_out(cache: Path, arrays: EventArrays, target: Target, fold: int, count: int) -> EventArrays:
    """The arrays of a cache where the users of one fold validate and those of the others train; who tests still does.

    Parameters
    ----------
    cache
        The folder of the arrays, which has the seed of the split, and the groups.
    arrays, target
        Of that folder.
    fold, count
        Which fold, from 0, of how many.

    Raises
    ------
    UserError
        If the users cannot be divided so.
    """
    seed: int = meta_of(cache)["made_from"]["seed"]
    folds = fold_of_users(arrays, target, count, seed, _groups(cache))
    split = np.where(folds == fold, VAL, TRAIN)
    return replace(arrays, split=np.where(arrays.split == TEST, TEST, split).astype(np.int8))


def fold_of_users(
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
        If there are too few users, groups or users of a class for so many.
    """
    users = arrays.rows("train", "val")
    label = arrays.label[users]
    strata, _ = target.strata(label)
    among = None if groups is None else groups[users]
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = np.full(len(arrays.split), -1, dtype=np.int8)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            parts = list(kind(count, shuffle=True, random_state=seed).split(users, strata, among))
    except ValueError:
        raise _too_few(count) from None
    for number, (_, held) in enumerate(parts):
        if target.lacking(label[held]) or (target.kind == "classes" and len(set(strata[held])) < len(set(strata))):
            raise _too_few(count)
        folds[users[held]] = number
    return folds


def _too_few(count: int) -> UserError:
    what = "users, groups or users of a class"
    return UserError(f"{what} that train and validate are too few for {count} folds: use fewer, or --folds 0")


def _groups(cache: Path) -> NDArray[np.int64] | None:
    """The group [U] of each user, None where there are none; UserError where the cache has not kept them."""
    if not meta_of(cache)["made_from"].get("groups"):
        return None
    if not (cache / GROUPS).is_file():
        raise UserError(f"{cache} was prepared before groups were kept for folds: search anew, or use --folds 0")
    return np.asarray(map_array(cache / GROUPS))
