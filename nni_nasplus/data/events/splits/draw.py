"""Which users train, validate and test: drawn at random, or said by a column, by tables of their own, or by a date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold, train_test_split

from nni_nasplus.data.cache import SPLITS
from nni_nasplus.data.events.tables.kinds import read_best
from nni_nasplus.data.events.tables.spool import RawColumn
from nni_nasplus.errors import UserError, some

__all__ = ["TEST", "TRAIN", "VAL", "Draw", "by_column", "by_table", "by_time"]

TRAIN, VAL, TEST = range(len(SPLITS))
_FEWEST = 2
"""Users that each class has in each split at the least: the recall of a single one would be all or nothing."""
_NAMES = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VAL),
    **dict.fromkeys(("test", "testing"), TEST),
}
"""What people call the splits, in lower case."""


@dataclass(frozen=True)
class Draw:
    """How U users are drawn into splits.

    Parameters
    ----------
    shares
        The shares of training, validation and test users.
    seed
        Fixes who is drawn.
    label
        [U] the class of each user, whose shares every split is to have; None where there are no classes.
    classes
        The label value of each class, for messages.
    groups
        [U] the group of each user, of whom all fall into the same split; None where every user stands alone.

    Raises
    ------
    UserError
        If the shares do not add up to 1.
    """

    shares: tuple[float, float, float]
    seed: int
    label: NDArray[np.int64] | None
    classes: Sequence[Any] = ()
    groups: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        shares = self.shares
        if len(shares) != len(SPLITS) or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
            raise UserError(f"shares {tuple(shares)} are not three positive ones of sum 1: try (.7, .15, .15)")

    def split(self, n_users: int, given: NDArray[np.int8] | None = None) -> NDArray[np.int8]:
        """The split [U] of each user as a position in ``SPLITS``.

        Parameters
        ----------
        n_users
            The number U of users.
        given
            [U] the split, where it is given. Validation users are drawn from the training ones where there are none.

        Raises
        ------
        UserError
            If a class has too few users, there are too few groups, or one was torn apart.
        """
        if given is None:
            assigned = self._drawn(n_users)
        else:
            _require_whole(given, self.groups)
            assigned = given if (given == VAL).any() else self._with_validation(given)
        self._require(assigned, is_drawn=given is None)
        return assigned

    def _drawn(self, n_users: int) -> NDArray[np.int8]:
        train, val, test = self.shares
        assigned = np.zeros(n_users, dtype=np.int8)
        everyone = np.arange(n_users)
        rest = self._held(everyone, train, everyone)
        assigned[rest] = VAL
        assigned[self._held(rest, val / (val + test), everyone)] = TEST
        return assigned

    def _with_validation(self, given: NDArray[np.int8]) -> NDArray[np.int8]:
        train, val, _ = self.shares
        assigned = given.copy()
        users = np.flatnonzero(given == TRAIN)
        assigned[self._held(users, train / (train + val), users)] = VAL
        return assigned

    def _require(self, assigned: NDArray[np.int8], *, is_drawn: bool) -> None:
        """Raise ``UserError`` where too few users of a class are in a split."""
        for split, do in enumerate(("train", "validate", "test")):
            counts = self._counts(assigned == split)
            fewest = int(counts.argmin())
            if counts[fewest] >= _FEWEST:
                continue
            if is_drawn and self.groups is None:
                raise self._too_few(np.arange(len(assigned)))
            raise UserError(
                f"labels: {counts[fewest]} users{self._of(fewest)} {do}, where {_FEWEST} are needed: "
                "add users, merge classes or split otherwise"
            )

    def _held(self, users: NDArray[np.int64], kept: float, among: NDArray[np.int64]) -> NDArray[np.int64]:
        """What is left of some users where about a share of them is kept; ``among`` are those that errors count."""
        label = None if self.label is None else self.label[users]
        try:
            if self.groups is not None:
                return users[_held_groups(label, self.groups[users], 1 - kept, self.seed)]
            return train_test_split(users, train_size=kept, stratify=label, random_state=self.seed)[1]
        except UserError:
            raise
        except ValueError as error:
            raise self._too_few(among) from error

    def _counts(self, users: NDArray[np.generic]) -> NDArray[np.int64]:
        """The number of users of each class among some, which are marked [U] or named by position."""
        if self.label is None:
            return np.array([np.count_nonzero(users) if users.dtype == np.bool_ else len(users)])
        return np.bincount(self.label[users], minlength=len(self.classes))

    def _too_few(self, users: NDArray[np.int64]) -> UserError:
        counts = self._counts(users)
        rarest = int(counts.argmin())
        return UserError(
            f"labels: {counts[rarest]} users{self._of(rarest)} are too few to split "
            f"{'/'.join(f'{s:g}' for s in self.shares)} with {_FEWEST} in each part: "
            "add users, merge classes or enlarge the smallest share"
        )

    def _of(self, place: int) -> str:
        return f" of class {self.classes[place]!r}" if self.label is not None else ""


def _held_groups(
    label: NDArray[np.int64] | None, groups: NDArray[np.str_], share: float, seed: int
) -> NDArray[np.int64]:
    """Positions that hold whole groups and about a share of all.

    Of the folds that can be had, it is one with enough users of every class to be split again, of about the right size.

    Raises
    ------
    UserError
        If there is but one group.
    ValueError
        If a class has but one user.
    """
    count = len(np.unique(groups))
    if count < 2:
        raise UserError(
            f"labels: {count} group is left to be split, and each split needs one: add groups, or leave out --groups"
        )
    if label is None:
        return next(GroupShuffleSplit(1, test_size=share, random_state=seed).split(groups, groups=groups))[1]
    _, inverse, counts = np.unique(label, return_inverse=True, return_counts=True)
    n_folds = min(count, int(counts.min()), max(2, round(1 / share)))
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(groups, inverse, groups)

    def unfit(held: NDArray[np.int64]) -> tuple[int, float]:
        fewest = int(np.bincount(inverse[held], minlength=len(counts)).min())
        return -min(fewest, 2 * _FEWEST), abs(len(held) / len(groups) - share)

    return min((held for _, held in folds), key=unfit)


def by_column(column: str, values: NDArray[np.str_]) -> NDArray[np.int8]:
    """The split [U] that a column of the labels names for each user, in words such as train, dev or Test.

    Raises
    ------
    UserError
        If a value names no split, or nobody trains or tests.
    """
    seen, inverse = np.unique(values, return_inverse=True)
    if unknown := [text for text in seen.tolist() if text.strip().lower() not in _NAMES]:
        named = some([repr(text) for text in unknown])
        raise UserError(f"labels: column {column!r} holds {named}, which names no split: write train, val or test")
    given = np.array([_NAMES[text.strip().lower()] for text in seen.tolist()], dtype=np.int8)[inverse]
    for split in (TRAIN, TEST):
        if not (given == split).any():
            raise UserError(f"labels: no user is called {SPLITS[split]} in column {column!r}: name some")
    return given


def by_table(users: Sequence[str], tables: Mapping[int, Sequence[str]]) -> NDArray[np.int8]:
    """The split [U] of each user by the table that has it, of the ids in the table of each split."""
    split = {user: place for place, known in tables.items() for user in known}
    return np.array([split[user] for user in users], dtype=np.int8)


def by_time(date: str, last: NDArray[np.float64], time: RawColumn, groups: NDArray[np.str_] | None) -> NDArray[np.int8]:
    """Let those users test, [U], who have an event on or after a date, and the others train.

    So no event on or after the date belongs to a user that trains. A group tests where one of its users does.

    Parameters
    ----------
    date
        A date, or a number where times are numbers.
    last
        [U] the time of each user's last event.
    time
        The column of times.
    groups
        [U] the group of each user, if any.

    Raises
    ------
    UserError
        If it is no date, or lies before or after all last events.
    """
    limit = _moment(date, time)
    tests = last >= limit
    if groups is not None:
        tests = np.isin(groups, groups[tests])
    if tests.all() or not tests.any():
        lack = "after the last event of all users, so that none tests" if not tests.any() else ""
        lack = lack or "before the last event of every user, or of one of its group, so that none is left to train"
        first, final = (_spelt(value, time) for value in (last.min(), last.max()))
        remedy = f"last events are between {first} and {final}, choose a date between"
        if first == final:
            remedy = f"the last event of every user is at {final}, name test users by --split or --test-labels"
        raise UserError(f"--test-after {date} lies {lack}: {remedy}")
    return np.where(tests, TEST, TRAIN).astype(np.int8)


def _moment(date: str, time: RawColumn) -> float:
    """The time that a text means in a column of times."""
    readings = [read_best(pa.array([date.strip()]), time.kind, style) for style in (time.style, "")]
    found = next((reading for reading in readings if reading.count), None)
    if found is None or found.doubt is not None:
        kind, example = ("date", "2024-01-31") if time.kind == "seconds" else ("number", f"{time.values[0]:.15g}")
        is_what = f"may be one of two {kind}s" if found else f"is no {kind}, as the times of the events are"
        raise UserError(f"--test-after {date!r} {is_what}: write it as {example}")
    return float(found.values[0])


def _spelt(value: float, time: RawColumn) -> str:
    if time.kind != "seconds":
        return f"{value:.15g}"
    return str(np.datetime64(int(value), "s")).replace("T", " ").removesuffix(" 00:00:00")


def _require_whole(given: NDArray[np.int8], groups: NDArray[np.str_] | None) -> None:
    """Raise ``UserError`` where users of one group were given different splits."""
    if groups is None:
        return
    pairs = np.unique(np.stack([groups, given.astype(groups.dtype)]), axis=1)
    names, counts = np.unique(pairs[0], return_counts=True)
    if torn := names[counts > 1].tolist():
        raise UserError(
            f"labels: users of group {some([repr(name) for name in torn])} are in more than one split: "
            "put each group into one, or leave out --groups"
        )
