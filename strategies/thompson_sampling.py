"""Search by a performance predictor: Thompson sampling, expected improvement or greedy."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from scipy.special import ndtr
from threadpoolctl import ThreadpoolController

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.one_shot.strategy import NamedOneShot
from nni_nasplus.predictors.base import Predictor
from nni_nasplus.predictors.features import Featurizer, Prior
from nni_nasplus.predictors.gaussian_process import GaussianProcess
from nni_nasplus.predictors.memo import Memo
from nni_nasplus.predictors.proxy_prior import ProxyPrior
from nni_nasplus.predictors.transfer.informed import InformedPredictor
from nni_nasplus.predictors.transfer.portfolio import first_remembered
from nni_nasplus.predictors.transfer.tasks import tasks_of
from nni_nasplus.search.drawn import drawing_of
from nni_nasplus.search.history import History
from nni_nasplus.search.pareto import crowded_order
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.trial import Observation, Proposal
from nni_nasplus.strategies.candidates import CandidatePool, Value
from nni_nasplus.strategies.hypervolume_improvement import HypervolumeGrowth

if TYPE_CHECKING:
    from nni_nasplus.run.run import Run
    from nni_nasplus.training.reporter import Reporter

__all__ = ["ThompsonSampling"]

_ACQUISITIONS = ("ei", "greedy", "thompson", "ucb")
# Neighbours of more than the best are looked at, since what was only lucky may be first, and of few, since of the rest
# the acquisition would choose none.
_CENTRES = 10
# Where samples are what tends to work: three centres, so that neighbours stay near what does, and fresh samples every
# third time, so that a search which began with none that is good can leave.
_NEAREST, _EVERY = 3, 3
# The greatest expected utility lies among the best that were reached, however noisy they are; asking of all would take
# time with the length of the search.
_INCUMBENTS = 50
# Candidates of each kind, and of each round uphill: with more a proposal takes longer, 10 ms or so with these, and a
# training, which it is to save, takes minutes.
_SHARE = 200
# The predictor is asked of a whole space up to here, as many as of candidates of a larger one: 200 around the best, 200
# samples and 200 in each of three rounds.
_WHOLE = 1000
# Uphill from the three best candidates, so that one hill does not take every round, for three rounds, so that a
# proposal may differ in four decisions from what was trained.
_CLIMBERS = 3
_ROUNDS = 3
# Ranking 200 takes minutes, once (`benchmarks/proxy_prior.py` has as many); of less than ten an order says nothing. A
# proposal asks the prior for hundreds of opinions, each of which takes time with the square of what it learned from.
_POOL, _FEWEST, _MOST = 200, 10, 300


@dataclass(frozen=True)
class ThompsonSampling(Strategy):
    """Train what a performance predictor, refitted on every result, makes look promising.

    The first ``n_initial`` architectures are spread over the space, each as far from those before as can be found;
    with a ``proxy`` half of them are those that it ranks first, and with earlier searches those that did best in them.
    Then each proposal is the best of some hundreds of
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
    - ``ucb``: the upper confidence bound, ``exploration`` deviations above the expected utility. What is still in
      training counts as in ``ei``.

    A Gaussian process on success and failure gives the odds of each candidate, which discount its value. An
    architecture that was only lucky does not mislead: expected utilities are compared, not those reached.

    With a cost beside the score, such as the number of parameters, a second predictor learns the logarithm of the cost,
    and ``ei`` is the expected improvement of the hypervolume: of the area that the Pareto front dominates
    (:func:`~nni_nasplus.strategies.hypervolume_improvement.HypervolumeGrowth`).

    Time and memory are bounded: predictors take at most 500 results (:class:`~nni_nasplus.predictors.Predictor`).

    Parameters
    ----------
    predictor
        ``gp``, ``auto`` (the one that ranks the results of the search best), or another installed one.
    acquisition
        ``ei``, ``greedy``, ``thompson`` or ``ucb``.
    n_initial
        Architectures of the initial design, beside those that the search begins with, at least 2; failures are
        replaced.
    exploration
        Multiplies the standard deviation in ``ei`` and ``ucb``, more than 0: the larger, the farther from what is
        known. With the default fewer trainings were needed on published tables than with 1.
    proxy
        A zero-cost proxy, an entry point of ``nni_nasplus.proxies``, whose opinion of an architecture is a
        feature of the predictor; None for none. A pool of random architectures is ranked in :meth:`presearch`, and what
        it would say of others is learned from them (:class:`~nni_nasplus.predictors.proxy_prior.ProxyPrior`).
    pool
        How many architectures are ranked, 10 to 300; None for 200.
    prior
        In place of a ``proxy``, a one-shot search by its name, such as spos, whose ranking of what it scored is learned
        from likewise; or, from Python, something cheap known of architectures before they are trained
        (:class:`~nni_nasplus.predictors.features.Featurizer`).
    prior_options
        The settings of that search.

    Raises
    ------
    UserError
        If a setting is unknown, out of range, or has no effect.
    """

    predictor: str = "gp"
    acquisition: str = "ei"
    n_initial: int = 4
    exploration: float = 2.0
    proxy: str | None = None
    pool: int | None = None
    prior: Prior | str | None = None
    prior_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.acquisition not in _ACQUISITIONS:
            raise UserError(f"acquisition is {self.acquisition!r}; choose one of {', '.join(_ACQUISITIONS)}")
        if self.n_initial < 2:
            raise UserError(f"n_initial is {self.n_initial}; use 2 or more")
        if not self.exploration > 0:
            raise UserError(f"exploration is {self.exploration}; use more than 0")
        if self.proxy is not None and self.prior is not None:
            raise UserError("both 'proxy' and 'prior' are given; leave one out")
        registry.require("predictors", self.predictor)
        _check_pool(self.proxy, self.pool)
        if isinstance(self.prior, str) and self.prior not in (known := registry.available("one_shot")):
            raise UserError(f"prior is {self.prior!r}; choose one of {', '.join(known)}")
        if self.prior_options and self._search is None:
            raise UserError("prior_options has no effect without a prior that searches; name one, such as spos")

    @property
    def _search(self) -> NamedOneShot | None:
        """The search that the prior is of."""
        return NamedOneShot(self.prior, self.prior_options) if isinstance(self.prior, str) else None

    @property
    def most_costs(self) -> float:
        """One under expected improvement, which is then that of the hypervolume; else none."""
        return 1 if self.acquisition == "ei" else 0

    @property
    def presearches(self) -> bool:
        """Whether there is a ``proxy``, or a ``prior`` that searches."""
        return self.proxy is not None or self._search is not None

    @property
    def presearched(self) -> str:
        """By what the first was found."""
        return super().presearched if self._search is None else self._search.presearched

    def check_space(self, space: Any) -> None:
        """Raise :class:`UserError` if the predictor, or the search that the prior is of, is none for a space."""
        registry.load("predictors", self.predictor)(space.search_space)  # which may lack a library, or graphs
        if self._search is not None:
            self._search.check_space(space)

    def presearch(self, run: Run, reporter: Reporter | None) -> Ranking:
        """Rank the pool on training data of the run, see :func:`~nni_nasplus.strategies.ranked_pool.ranked_pool`, or
        search.
        """
        from nni_nasplus.strategies.ranked_pool import ranked_pool

        if self._search is not None:
            return self._search.presearch(run, reporter)
        assert self.proxy is not None
        return ranked_pool(run, self.proxy, self.pool or _POOL, reporter)

    def propose(self, history: History, rng: np.random.Generator) -> Proposal:
        """An architecture of the initial design, then what looks promising."""
        learner = _learner_of(self, history)
        # The matrices are small: beside trials, threads that wait for each other take ten times as long as one alone.
        with _libraries().limit(limits=1, user_api="blas"):
            return learner.propose(rng) or history.random(rng)


class _Learner:
    """What :class:`ThompsonSampling` makes of one history; it catches up with it at every proposal."""

    def __init__(self, options: ThompsonSampling, history: History) -> None:
        self.options = options
        self.space = space = history.space
        self._history = weakref.ref(history)  # else no history would ever be forgotten
        prior = None if isinstance(options.prior, str) else options.prior
        if prior is None and history.ranking is not None:
            prior = ProxyPrior(space, history.ranking)
        prior = prior and Memo(prior)
        self._featurizer = Featurizer(space, prior)
        kind = registry.load("predictors", options.predictor)
        self._predictor: Predictor = (
            kind(space, prior=prior)
            if history.memory is None
            else InformedPredictor(lambda found: kind(space, prior=prior or found), tasks_of(history.memory))
        )
        self._growth = HypervolumeGrowth(space, options.exploration)
        self._survival = GaussianProcess(space, prior=prior)
        self._fitted: list[Observation] = []
        self._drawing = drawing_of(space)
        self._known: set[Hashable] = set()
        self._seen = 0

    @property
    def history(self) -> History:
        """The history, which is alive while it is asked about."""
        history = self._history()
        assert history is not None
        return history

    def propose(self, rng: np.random.Generator) -> Proposal | None:
        """A proposal; None for a random one."""
        history = self.history
        self._observations, self._pending = history.observations, history.pending
        self._utilities = np.array([np.nan if o.utility is None else o.utility for o in self._observations])
        """By observation; NaN for failures."""
        begun = len(history.succeeded) + len(self._pending)
        pool = CandidatePool(self.space, self._drawing, self._tokens(), rng)
        if not history.succeeded or begun < len(history.initial) + self.options.n_initial:
            return self._initial(pool)
        return self._promising(pool, rng)

    def _tokens(self) -> set[Hashable]:
        """Of everything that was proposed; a trial that is in the history stays there."""
        trials = self.history.trials[self._seen :]
        self._known.update(self._drawing.tokens([trial.architecture for trial in trials]))
        self._seen += len(trials)
        return self._known

    def _initial(self, pool: CandidatePool) -> Proposal | None:
        """What is remembered, the proxy's first choice, or what is far from all before; None for a random one."""
        history = self.history
        remembered = first_remembered(history, self.options.n_initial // 2)
        if remembered is not None:
            return remembered
        if history.ranking and history.proposed < len(history.initial) + self.options.n_initial // 2:
            first = history.first_ranked()
            if first is not None:
                return first
        if not history.proposed or self.space.sampled_prior:
            return None
        return self._design(pool)

    def _design(self, pool: CandidatePool) -> Proposal | None:
        """The candidate farthest from what was proposed (maximin distance design)."""
        known = self._featurizer([*(o.architecture for o in self._observations), *self._pending])
        pool.sample(_SHARE)
        distances = pool.climb(
            lambda new: _squared_distances(self._featurizer(new), known).min(axis=1), _ROUNDS, _CLIMBERS, _SHARE
        )
        return _first(pool, distances, "design")

    def _promising(self, pool: CandidatePool, rng: np.random.Generator) -> Proposal | None:
        acquisition, predictor, history = self.options.acquisition, self._refitted(), self.history
        if history.costs:
            values = self._filled(pool, self._growth.value(predictor, history, self._best(_INCUMBENTS)))
            return _first(pool, self._discounted(values, pool.architectures), "ehvi") if len(pool) else None
        if acquisition in ("ei", "ucb") and self._pending:
            predictor = predictor.believe(self._pending)
        values = self._filled(pool, self._value_of(predictor))
        if not len(pool):
            return None
        if acquisition == "thompson":
            values = predictor.sample(pool.architectures, 1, rng)[0]
        return _first(pool, self._discounted(values, pool.architectures), acquisition)

    def _refitted(self) -> Predictor:
        done = [o for o in self._observations if o.utility is not None]
        if done != self._fitted:
            self._predictor.fit([o.architecture for o in done], self._utilities[~np.isnan(self._utilities)])
            self._fitted = done
        return self._predictor

    def _filled(self, pool: CandidatePool, value: Value) -> np.ndarray:
        """Fill the pool; the candidates' values."""
        if self.space.size is not None and self.space.size <= _WHOLE:
            pool.sample(_WHOLE)
            return value(pool.architectures)
        if self.space.sampled_prior:
            if self.history.asked % _EVERY:
                pool.around(self._best(_NEAREST), _SHARE)
            else:
                pool.sample(_SHARE)
            return value(pool.architectures)
        pool.around(self._best(_CENTRES), _SHARE)
        pool.sample(_SHARE)
        return pool.climb(value, _ROUNDS, _CLIMBERS, _SHARE)

    def _best(self, count: int) -> list[Architecture]:
        """The architectures that were trained, best first, failures last; with a cost the best of the front first."""
        if self.history.costs:
            succeeded = self.history.succeeded
            return [succeeded[i].architecture for i in crowded_order(self.history.points(), count)]
        order = np.argsort(-np.nan_to_num(self._utilities, nan=-np.inf), kind="stable")
        return [self._observations[i].architecture for i in order[:count]]

    def _value_of(self, predictor: Predictor) -> Value:
        """What candidates are ranked by, before failures, greatest first."""
        if self.options.acquisition == "greedy":
            return lambda new: predictor.predict(new)[0]
        if self.options.acquisition == "thompson":
            return lambda new: np.add(*predictor.predict(new))
        exploration = self.options.exploration
        if self.options.acquisition == "ucb":
            return lambda new: _upper_bound(*predictor.predict(new), exploration)
        incumbent = self._incumbent(predictor)
        return lambda new: _expected_improvement(*predictor.predict(new), incumbent, exploration)

    def _incumbent(self, predictor: Predictor) -> float:
        """The best expected utility of what was trained; a lucky training alone does not make it."""
        return float(predictor.predict(self._best(_INCUMBENTS))[0].max())

    def _discounted(self, value: np.ndarray, architectures: Sequence[Architecture]) -> np.ndarray:
        """The expected value if a failure is worth as little as the worst candidate."""
        succeeded = ~np.isnan(self._utilities)
        if succeeded.all():
            return value
        self._survival.fit([o.architecture for o in self._observations], succeeded.astype(float))
        mean, std = self._survival.predict(architectures)
        even = self._survival.warp(np.array([0.0, 1.0])).mean()
        odds = ndtr((mean - even) / np.hypot(std, self._survival.noise))
        return value.min() + odds * (value - value.min())


@cache
def _libraries() -> ThreadpoolController:
    """Those with threads, sought once: to look for them takes as long as half a proposal."""
    return ThreadpoolController()


_LEARNERS: WeakKeyDictionary[History, _Learner] = WeakKeyDictionary()
"""By history: fitting anew at every proposal would take as long as the search is old."""


def _learner_of(options: ThompsonSampling, history: History) -> _Learner:
    """The learner of a history that has these options, kept or new."""
    learner = _LEARNERS.get(history)
    if learner is None or learner.options != options:
        learner = _LEARNERS[history] = _Learner(options, history)
    return learner


def _first(pool: CandidatePool, value: np.ndarray, origin: str) -> Proposal | None:
    """The candidate of greatest value."""
    return Proposal(pool.architectures[int(np.argmax(value))], origin) if len(pool) else None


def _check_pool(proxy: str | None, pool: int | None) -> None:
    if proxy is not None:
        registry.require("proxies", proxy)
    if pool is None:
        return
    if proxy is None:
        raise UserError("pool has no effect without a proxy; name one, such as naswot")
    if not _FEWEST <= operator.index(pool) <= _MOST:
        raise UserError(f"pool is {pool}; use {_FEWEST} to {_MOST}")


def _expected_improvement(mean: np.ndarray, std: np.ndarray, incumbent: float, exploration: float) -> np.ndarray:
    std = exploration * std
    gain = mean - incumbent
    density = np.exp(-0.5 * (gain / std) ** 2) / np.sqrt(2 * np.pi)
    return gain * ndtr(gain / std) + std * density


def _upper_bound(mean: np.ndarray, std: np.ndarray, exploration: float) -> np.ndarray:
    return mean + exploration * std


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of every row of ``a`` to every row of ``b``; float [len(a), len(b)]."""
    return np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2.0 * a @ b.T, 0.0)
