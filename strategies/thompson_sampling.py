"""Search by a performance predictor: Thompson sampling, expected improvement or greedy."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.predictors.base import Predictor
from nni_nasplus.predictors.features import Featurizer, Prior
from nni_nasplus.predictors.gaussian_process import GaussianProcess
from nni_nasplus.predictors.score_prior import ScorePrior
from nni_nasplus.search.ranking import MOST, Ranking, require_score
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import Direction, Feasible, Proposal, Strategy
from nni_nasplus.strategies.candidates import CandidatePool, Value

if TYPE_CHECKING:
    from nni_nasplus.run.run import Run
    from nni_nasplus.training.reporter import Reporter

__all__ = ["ThompsonSampling"]

_ACQUISITIONS = ("ei", "greedy", "thompson")
_CENTRES = 10
_NEAREST, _EVERY = 3, 3
_INCUMBENTS = 50
_SHARE = 200
_WHOLE = 1000
_CLIMBERS = 3
_ROUNDS = 3
_POOL, _FEWEST = 200, 10


class ThompsonSampling(Strategy):
    """Train what a performance predictor, refitted on every result, makes look promising.

    The first ``n_initial`` architectures are spread over the space, each as far from those before as can be found;
    with a ``score`` half of them are those that it ranks first. Then each proposal is the best of some hundreds of
    candidates (neighbours of the best trained, fresh samples, and what lies uphill from them; the whole space if it is
    small) under the acquisition. Where samples are what tends to work (:attr:`SearchSpace.sampled_prior`), the first
    are samples, the candidates are neighbours of the best three, every third time samples, and nothing uphill is looked
    for. Acquisitions:

    - ``thompson``: one plausible function, drawn from the predictor's posterior over all candidates jointly
      (Thompson, 1933). Proposals of one batch differ because their functions do.
    - ``ei``: expected improvement on the best expected utility so far (Jones et al., 1998). What is still in
      training counts as trained, with the expected result. The default: it needed the fewest trainings on published
      tables, one at a time and in batches.
    - ``greedy``: the greatest expected utility.

    A Gaussian process on success and failure gives the odds of each candidate, which discount its value. An
    architecture that was only lucky does not mislead: expected utilities are compared, not those reached.

    Time and memory are bounded: predictors take at most 500 results (:class:`~nni_nasplus.predictors.Predictor`).

    Parameters
    ----------
    predictor
        ``gp``, ``forest``, ``catboost`` (an extra), or another installed one.
    acquisition
        ``ei``, ``greedy`` or ``thompson``.
    n_initial
        Architectures of the initial design, beside the ``starts``, at least 2; failures are replaced.
    exploration
        Multiplies the standard deviation in ``ei``, more than 0: the larger, the farther from what is known. With the
        default fewer trainings were needed on published tables than with 1.
    score
        A training-free score, one of :data:`~nni_nasplus.search.ranking.DIRECTIONS`, whose opinion of an architecture
        is a feature of the predictor; None for none. A pool of random architectures is scored in :meth:`prepare`, and
        what it would say of others is learned from them (:class:`~nni_nasplus.predictors.score_prior.ScorePrior`).
    pool
        How many architectures are scored, 10 to 300; None for 200.
    scored
        The pool, as :meth:`~nni_nasplus.search.ranking.Ranking.to_json` writes it.
    prior
        In place of ``scored``, something cheap known of architectures before they are trained
        (:class:`~nni_nasplus.predictors.features.Featurizer`).

    Raises
    ------
    UserError
        If a setting is unknown, out of range, or has no effect.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        direction: Direction = "maximize",
        feasible: Feasible | None = None,
        starts: Sequence[Mapping[str, Any]] | None = None,
        predictor: str = "gp",
        acquisition: str = "ei",
        n_initial: int = 4,
        exploration: float = 2.0,
        score: str | None = None,
        pool: int | None = None,
        scored: Mapping[str, Any] | None = None,
        prior: Prior | None = None,
    ) -> None:
        super().__init__(space, seed=seed, direction=direction, feasible=feasible, starts=starts)
        if acquisition not in _ACQUISITIONS:
            raise UserError(f"acquisition is {acquisition!r}; choose one of {', '.join(_ACQUISITIONS)}")
        if n_initial < 2:
            raise UserError(f"n_initial is {n_initial}; use 2 or more")
        if not exploration > 0:
            raise UserError(f"exploration is {exploration}; use more than 0")
        if scored is not None and prior is not None:
            raise UserError("both 'scored' and 'prior' are given; leave one out")
        _check_pool(score, pool)
        self._best_first: list[Architecture] = []
        if scored is not None:
            known = Ranking.from_json(space, scored)
            self._best_first, prior = known.architectures, ScorePrior(space, known)
        self.acquisition = acquisition
        self.n_initial = n_initial
        self.exploration = exploration
        self._featurizer = Featurizer(space, prior)
        self._features = self._featurizer([])
        self._predictor: Predictor = registry.load("predictors", predictor)(self._featurizer.groups, seed=seed)
        self._survival = GaussianProcess(self._featurizer.groups)
        self._fitted = 0

    @classmethod
    def needs_preparation(cls, run: Run) -> bool:
        """Whether there is a ``score``, and no pool was scored yet."""
        options = run.settings["options"]
        return options.get("score") is not None and "scored" not in options

    @classmethod
    def prepare(cls, run: Run, reporter: Reporter | None = None) -> dict[str, Any]:
        """Score the pool on training data of the run, if there is a ``score``; the options, with the pool.

        Raises
        ------
        UserError
            See :func:`~nni_nasplus.proxies.pool.score_pool`.
        """
        options = super().prepare(run)
        if not cls.needs_preparation(run):
            return options
        from nni_nasplus.proxies.pool import score_pool

        scored = score_pool(run, options["score"], options.get("pool") or _POOL, reporter)
        return {**options, "scored": scored.to_json(run.space.search_space)}

    def _propose(self, rng: np.random.Generator) -> Proposal:
        self._observe()
        if not self.succeeded or len(self.succeeded) + len(self._pending) < len(self.starts) + self.n_initial:
            return self._initial(rng) or self._random(rng)
        return self._promising(CandidatePool(self._featurizer, self._seen, rng), rng) or self._random(rng)

    def _initial(self, rng: np.random.Generator) -> Proposal | None:
        """The score's first choice, or what is far from all before; None for a random one."""
        if self.proposed < len(self.starts) + self.n_initial // 2:
            first = next((architecture for architecture in self._best_first if self.admits(architecture)), None)
            if first is not None:
                return Proposal(first, "score")
        if not self._seen or self.space.sampled_prior:
            return None
        return self._design(CandidatePool(self._featurizer, self._seen, rng))

    def _observe(self) -> None:
        new = [o.architecture for o in self.observations[len(self._features) :]]
        self._features = np.vstack([self._features, self._featurizer(new)])

    def _design(self, pool: CandidatePool) -> Proposal | None:
        """The candidate farthest from what was proposed (maximin distance design)."""
        known = np.vstack([self._features, self._featurizer(self.pending)])
        pool.sample(_SHARE)
        distances = pool.climb(lambda new: _squared_distances(new, known).min(axis=1), _ROUNDS, _CLIMBERS, _SHARE)
        return self._first(pool, distances, "design")

    def _promising(self, pool: CandidatePool, rng: np.random.Generator) -> Proposal | None:
        predictor = self._refitted()
        if self.acquisition == "ei" and self._pending:
            predictor = predictor.believe(self._featurizer(self.pending))
        values = self._filled(pool, self._value_of(predictor))
        if not len(pool):
            return None
        if self.acquisition == "thompson":
            values = predictor.sample(pool.features, 1, rng)[0]
        return self._first(pool, self._discounted(values, pool.features), self.acquisition)

    def _refitted(self) -> Predictor:
        done = [i for i, o in enumerate(self.observations) if o.utility is not None]
        if len(done) != self._fitted:
            self._predictor.fit(self._features[done], self._utilities[done])
            self._fitted = len(done)
        return self._predictor

    @property
    def _utilities(self) -> np.ndarray:
        """By observation; NaN for failures."""
        return np.array([np.nan if o.utility is None else o.utility for o in self.observations])

    def _filled(self, pool: CandidatePool, value: Value) -> np.ndarray:
        """Fill the pool; the candidates' values."""
        if self.space.size is not None and self.space.size <= _WHOLE:
            pool.sample(_WHOLE)
            return value(pool.features)
        if self.space.sampled_prior:
            if self._asked % _EVERY:
                pool.around(self._best(_NEAREST), _SHARE)
            else:
                pool.sample(_SHARE)
            return value(pool.features)
        pool.around(self._best(_CENTRES), _SHARE)
        pool.sample(_SHARE)
        return pool.climb(value, _ROUNDS, _CLIMBERS, _SHARE)

    def _best(self, count: int) -> list[Architecture]:
        return [self.observations[i].architecture for i in self._ranked[:count]]

    @property
    def _ranked(self) -> np.ndarray:
        """Observations, best first, failures last; int [observations]."""
        return np.argsort(-np.nan_to_num(self._utilities, nan=-np.inf), kind="stable")

    def _value_of(self, predictor: Predictor) -> Value:
        """What candidates are ranked by, before failures, greatest first: features [n, f] to values [n]."""
        if self.acquisition == "greedy":
            return lambda features: predictor.predict(features)[0]
        if self.acquisition == "thompson":
            return lambda features: np.add(*predictor.predict(features))
        incumbent = self._incumbent(predictor)
        return lambda features: _expected_improvement(*predictor.predict(features), incumbent, self.exploration)

    def _incumbent(self, predictor: Predictor) -> float:
        """The best expected utility of what was trained; a lucky training alone does not make it."""
        return float(predictor.predict(self._features[self._ranked[:_INCUMBENTS]])[0].max())

    def _discounted(self, value: np.ndarray, features: np.ndarray) -> np.ndarray:
        """The expected value if a failure is worth as little as the worst candidate."""
        succeeded = ~np.isnan(self._utilities)
        if succeeded.all():
            return value
        self._survival.fit(self._features, succeeded.astype(float))
        mean, std = self._survival.predict(features)
        even = self._survival.warp(np.array([0.0, 1.0])).mean()
        odds = ndtr((mean - even) / np.hypot(std, self._survival.noise))
        return value.min() + odds * (value - value.min())

    def _first(self, pool: CandidatePool, value: np.ndarray, origin: str) -> Proposal | None:
        """The feasible candidate of greatest value."""
        architectures = pool.architectures
        for i in np.argsort(-value, kind="stable"):
            if self.feasible is None or self.feasible(architectures[i]):
                return Proposal(architectures[i], origin)
        return None


def _check_pool(score: str | None, pool: int | None) -> None:
    if score is not None:
        require_score(score)
    if pool is None:
        return
    if score is None:
        raise UserError("pool has no effect without a score; name one, such as naswot")
    if not _FEWEST <= operator.index(pool) <= MOST:
        raise UserError(f"pool is {pool}; use {_FEWEST} to {MOST}")


def _expected_improvement(mean: np.ndarray, std: np.ndarray, incumbent: float, exploration: float) -> np.ndarray:
    std = exploration * std
    gain = mean - incumbent
    density = np.exp(-0.5 * (gain / std) ** 2) / np.sqrt(2 * np.pi)
    return gain * ndtr(gain / std) + std * density


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of every row of ``a`` to every row of ``b``; float [len(a), len(b)]."""
    return np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2.0 * a @ b.T, 0.0)
