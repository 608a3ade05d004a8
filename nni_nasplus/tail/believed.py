"""Which architecture is believed to be the best, where the best were trained on folds.

Of few users the folds together say more than the validation users of one split: each candidate is scored on every user
who trains or validates, by a network that has not learned from him.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, variance

from scipy import stats

from nni_nasplus.tail.bagging import Bagged
from nni_nasplus.tail.repeats import LEVEL, Repeated, indistinct

__all__ = ["believed", "not_told_apart"]


def believed(repeats: Sequence[Repeated], members: Sequence[Bagged], sign: float) -> list[Repeated]:
    """The architectures with what was bagged of them, best first.

    Those that were bagged come before the others, by their mean over the folds, where two are there to be compared.

    Parameters
    ----------
    repeats
        By their mean on the validation examples, best first.
    members
        What was bagged, of other candidates too.
    sign
        1 where higher scores are better, -1 where lower ones are.
    """
    networks = {member.name: member.networks for member in members}
    found = [replace(one, folds=networks.get(one.name, ())) for one in repeats]
    if not _compared(found):
        return found
    return sorted(found, key=lambda one: -sign * one.out_of_fold if one.out_of_fold is not None else math.inf)


def not_told_apart(ranked: Sequence[Repeated]) -> list[Repeated]:
    """Of architectures, best first, those that are not clearly behind the best, it among them.

    By the folds where two were bagged, else by trainings under other seeds.
    """
    if not _compared(ranked):
        return indistinct(ranked)
    return [one for one in ranked if one.folds and not _behind(one, ranked[0])]


def _compared(architectures: Sequence[Repeated]) -> bool:
    return sum(bool(one.folds) for one in architectures) > 1


def _behind(one: Repeated, best: Repeated) -> bool:
    """Whether the mean difference is beyond chance by the corrected resampled t-test (Nadeau & Bengio, 2003).

    Networks of different folds share most of their training examples, so that their scores vary too little. What is
    taken for the variance of the mean is therefore not 1/K of that over folds, but 1/K + 1/(K-1): to it is added the
    size of a fold beside that of the rest.
    """
    differences = [theirs.score - own.score for theirs, own in zip(best.folds, one.folds, strict=True)]
    count = len(differences)
    if count < 2:
        return False
    error = math.sqrt((1 / count + 1 / (count - 1)) * variance(differences))
    return abs(fmean(differences)) > stats.t.ppf((1 + LEVEL) / 2, count - 1) * error
