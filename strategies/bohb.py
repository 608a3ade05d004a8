"""The proposals of BOHB."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from nni_nasplus.errors import UserError
from nni_nasplus.search.history import History
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.trial import Proposal

__all__ = ["BOHB"]

_LEAST_BANDWIDTH = 1e-3
"""That of HpBandSter: what all good points share may still change."""


@dataclass(frozen=True)
class BOHB(Strategy):
    """Propose where good results are dense and others are not (Falkner et al., *BOHB*, Algorithm 2).

    With ``--budget hyperband`` this is BOHB; any other budget, or none, takes it too. Of the largest budget that has
    enough results, a kernel density l is fitted to the best of them and g to the others. Of ``samples`` architectures,
    drawn from l with bandwidths that are wider by ``bandwidth_factor``, the one of greatest l / g is proposed. A share
    of proposals is random, and so are all while no budget has enough. What has failed counts as worst.

    As in HpBandSter's code the best are max(d + 1, 15 %) of n results in d decisions, the others max(d + 1, 85 %), and
    both have to be more than d, so that 2 (d + 1) results are enough. Three things differ. A decision's variance, of
    which its bandwidth is made, is half the mean squared distance of two results, different choices being 1 apart: that
    of its codes where it has two choices, and where it has more not a matter of their order. A bandwidth is at most
    that of the uniform kernel. And the factor widens bandwidths of choices too, as in the paper; the code widens those
    of numbers alone. A decision that is not active has a choice of its own.

    Parameters
    ----------
    random_fraction
        ρ, the share of random proposals, 0 to 1.
    samples
        N_s, 1 or more.
    bandwidth_factor
        b_w, 1 or more.
    top
        q, the share of good results, more than 0 and less than 1.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    random_fraction: float = 1 / 3
    samples: int = 64
    bandwidth_factor: float = 3.0
    top: float = 0.15

    def __post_init__(self) -> None:
        ranges = {
            "random_fraction": (0 <= self.random_fraction <= 1, "0 to 1"),
            "samples": (self.samples >= 1, "1 or more"),
            "bandwidth_factor": (self.bandwidth_factor >= 1, "1 or more"),
            "top": (0 < self.top < 1, "more than 0 and less than 1"),
        }
        for name, (is_within, range_) in ranges.items():
            if not is_within:
                raise UserError(f"{name} is {getattr(self, name):g}; use {range_}")

    def propose(self, history: History, rng: np.random.Generator) -> Proposal:
        """A new architecture of greatest l / g among the samples, or a random one."""
        if rng.random() < self.random_fraction:
            return history.random(rng)
        good, others = self.divided(history)
        if not good:
            return history.random(rng)
        better, worse = Density(history.space, good), Density(history.space, others)
        drawn = [better.sample(rng, self.bandwidth_factor) for _ in range(self.samples)]
        new = [architecture for architecture in drawn if history.is_new(architecture)]
        if not new:
            return history.random(rng)
        ratios = better.log(new) - worse.log(new)
        return Proposal(new[int(ratios.argmax())], "density")

    def divided(self, history: History) -> tuple[list[Architecture], list[Architecture]]:
        """The best results of the largest budget that has enough, and its others, each the best first; none if none.

        Returns
        -------
        Architectures in canonical form.
        """
        least = 1 + sum(len(choices) > 1 for choices in history.space.decisions.values())
        for _, results in sorted(_results(history).items(), reverse=True):
            good = max(least, int(self.top * len(results)))
            others = max(least, int((1 - self.top) * len(results)))
            if len(results) >= good + least:
                ranked = [
                    results[place][0] for place in np.argsort([-utility for _, utility in results], kind="stable")
                ]
                return ranked[:good], ranked[good : good + others]
        return [], []


def _results(history: History) -> dict[float, list[tuple[Architecture, float]]]:
    """By the epochs of a budget, infinite for whole trainings without one, architectures and their utilities."""
    found: dict[float, list[tuple[Architecture, float]]] = defaultdict(list)
    for epochs, arrived in history.arrivals.items():
        found[epochs] += [(trial.architecture, history.utility_at(trial, epochs)) for trial in arrived]
    sign = 1.0 if history.direction == "maximize" else -1.0
    for trial in history.trials:
        if trial.status == "failed":
            found[trial.epochs or math.inf].append((trial.architecture, -math.inf))
        elif trial.score is not None and trial.epochs is None:
            found[math.inf].append((trial.architecture, sign * trial.score))
    return found


class Density:
    """A kernel density of architectures, the product over decisions of Aitchison and Aitken's kernel.

    The kernel of a decision with c choices is 1 − λ at that of a point and λ / (c − 1) at any other, λ being 1.06 σ
    n^(−1 / (4 + d)) of n points in d decisions, the normal reference.

    Parameters
    ----------
    space
        Of the architectures.
    points
        In canonical form, 1 or more.
    """

    def __init__(self, space: SearchSpace, points: Sequence[Architecture]) -> None:
        self._space, self._points = space, points
        self._names = [name for name, choices in space.decisions.items() if len(choices) > 1]
        self._codes = self._encoded(points)
        self._counts = np.array([len(space.decisions[name]) + (name in space.conditions) for name in self._names])
        shares = [np.bincount(column, minlength=1) / len(points) for column in self._codes.T]
        variance = np.array([(1 - (share**2).sum()) / 2 for share in shares])
        reference = 1.06 * np.sqrt(variance) * len(points) ** (-1 / (4 + len(self._names)))
        self.bandwidths = reference.clip(_LEAST_BANDWIDTH, self._uniform)
        """λ of every decision with a second choice; float [decisions]."""

    @property
    def _uniform(self) -> np.ndarray:
        """The bandwidth that makes all choices alike."""
        return 1 - 1 / self._counts

    def _encoded(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """The place of every choice, of a decision that is not active the one after the last."""
        places = {
            name: {choice: place for place, choice in enumerate(self._space.decisions[name])} for name in self._names
        }
        codes = [
            [places[name][one[name]] if name in one else len(places[name]) for name in self._names]
            for one in architectures
        ]
        return np.array(codes, dtype=int).reshape(len(architectures), len(self._names))

    def log(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """The logarithm of the density at canonical architectures; float [architectures]."""
        same = self._encoded(architectures)[:, None] == self._codes
        kernels = np.where(same, np.log1p(-self.bandwidths), np.log(self.bandwidths / (self._counts - 1)))
        density: np.ndarray = logsumexp(kernels.sum(axis=2), axis=1) - np.log(len(self._points))
        return density

    def sample(self, rng: np.random.Generator, factor: float = 1.0) -> Architecture:
        """Draw a point and what lies around it, with bandwidths so many times as wide."""
        point = self._points[int(rng.integers(len(self._points)))]
        changes = dict(zip(self._names, (self.bandwidths * factor).clip(max=self._uniform).tolist(), strict=True))
        found: Architecture = {}
        for name, choices in self._space.decisions.items():
            if self._space.is_active(name, found):
                stays = name in point and rng.random() >= changes.get(name, 0.0)
                others = [choice for choice in choices if name not in point or choice != point[name]]
                found[name] = point[name] if stays else others[rng.integers(len(others))]
        return self._space.crossed(found, found, rng)  # itself, or of a table the nearest row
