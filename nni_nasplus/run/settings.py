"""How to search, whatever for: the options of a search, as a run keeps them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from nni_nasplus import registry
from nni_nasplus._files import typed
from nni_nasplus.errors import UserError
from nni_nasplus.networks.limits import Limits
from nni_nasplus.search.epochs.budget import Budget, make_budget_rule
from nni_nasplus.search.history import Direction, History
from nni_nasplus.search.strategy import Strategy, make_strategy, require_objectives

__all__ = ["COSTS", "Settings", "listed"]

COSTS = ("parameters", "flops", "latency_ms", "seconds")
"""What trials report of their networks beside the score."""
_TRIALS = 20


def listed(names: list[str] | str | None) -> list[str]:
    """``a,b`` as its names."""
    return names.replace(",", " ").split() if isinstance(names, str) else list(names or ())


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The search itself.

    Parameters
    ----------
    strategy
        How to search: thompson, evolution, random, proxy (by a zero-cost proxy alone), tenas, or another installed
        one.
    strategy_options
        The strategy's own settings, as in --strategy_options.population_size 20, or in --strategy_options.proxy naswot,
        which lets thompson know a zero-cost proxy of random networks before it begins.
    budget
        How to spare epochs: asha, which trains all a little and the best of them on, or another installed rule; by
        default every trial is trained to its end. --trials then counts the architectures that are begun.
    budget_options
        The rule's own settings, as in --budget_options.eta 4.
    max_checkpoints
        Of trials with a budget, how many keep what they would go on from; those that run always do.
    max_checkpoints_mib
        How many MiB all of that may take.
    initial
        What to train first, one architecture or more in the space's notation, as in --initial '[lstm, gru]'; [] for
        nothing. By default what the space names, for strategies that learn from results: RNN, GRU and LSTM for
        --space rnn, else nothing.
    objectives
        The score, and what is to be small beside it: parameters, flops, latency_ms on this machine, or seconds of
        training, as in --objectives roc_auc,parameters. The result has the Pareto front, of which nasplus export
        --trial writes any; the winner is the best by the score.
    learn_from
        Earlier searches to learn from, whatever their data and metric, as in --learn-from runs/old runs/older: their
        directories, what nasplus export --memory wrote, or seqnas, searches that SeqNAS published, for event sequences;
        auto for every finished search of the same space that stands beside this one; none, as by default, for nothing.
    trials
        Architectures to train; by default 20, or with --minutes as many as fit.
    minutes
        How long the search may take, with the presearch and without what follows its last trial: no trial begins that
        would, by what the trials so far took, end later. What is used is counted over all resumes.
    concurrency
        Trials at a time.
    seed
        Fixes split, search and training.
    max_failures
        After so many failures in a row for one reason, the search stops; divergence is none where others succeeded.
    trial_seconds
        A trial that takes longer fails.
    trial_mib
        A trial that takes more MiB of memory fails.
    max_parameters
        Architectures with more trainable weights are not trained.
    max_flops
        Architectures whose forward pass of one example takes more floating-point operations are not trained.
    max_latency_ms
        Architectures whose forward pass of one example takes more milliseconds, on this machine's CPU or by the table,
        are not trained.
    latency_table
        A CSV file with the latencies of operations on another device, which --max-latency-ms is about then: what a
        search leaves in latency.csv has its columns.
    latency_threads
        On how many threads of this machine's CPU latencies are measured.
    latency_runtime
        What computes what is measured: torch, or onnxruntime, which is in the extra onnx.
    host
        What runs the trials: nni, an NNI experiment; optuna, an Optuna study; process, the searching process itself,
        one at a time; or another installed one.
    storage
        Of the Optuna study: a database's URL, or journal:PATH; by default study.db in the directory. Others may join in
        with: nasplus work DIR.
    port
        Of NNI's web UI.
    bind
        The address that the web UI listens on, without a password: 0.0.0.0 for every interface.
    baseline_trials
        How many settings of each baseline are tried after the search, to stand beside its result.
    tail_minutes
        How long all that follows the last trial may train; by default as long as the search itself has.
    folds
        Into how many folds those who train and validate are divided for what is shipped, of which each member is then
        as many networks; 0 for none, auto for what is worth it on so many users.
    space, evaluator
        Class and arguments, as :func:`~nni_nasplus.registry.described` gives them.
    study
        The name of the Optuna study; by default that of the directory that the search began in.
    objective, direction
        What scores are, and whether they are to be maximised or minimised; the evaluator's.
    """

    strategy: str = "thompson"
    strategy_options: dict[str, Any] = field(default_factory=dict)
    budget: str | None = None
    budget_options: dict[str, Any] = field(default_factory=dict)
    max_checkpoints: int = 100
    max_checkpoints_mib: float = 4096.0
    initial: list[str] | str | list[dict[str, Any]] | None = None
    objectives: list[str] | str | None = None
    learn_from: list[str] | str | None = None
    trials: int | None = None
    minutes: float | None = None
    concurrency: int = 2
    seed: int = 0
    max_failures: int = 5
    trial_seconds: float | None = None
    trial_mib: float | None = None
    max_parameters: float | None = None
    max_flops: float | None = None
    max_latency_ms: float | None = None
    latency_table: str | None = None
    latency_threads: int = 1
    latency_runtime: Literal["torch", "onnxruntime"] = "torch"
    host: str = "nni"
    storage: str | None = None
    port: int = 8080
    bind: str = "127.0.0.1"
    baseline_trials: int = 4
    tail_minutes: float | None = None
    folds: int | Literal["auto"] = "auto"
    space: dict[str, Any] = field(default_factory=dict)
    evaluator: dict[str, Any] = field(default_factory=dict)
    study: str | None = None
    objective: str = "score"
    direction: Direction = "maximize"

    def check(self) -> None:
        """Raise :class:`UserError` naming what cannot work, before anything is read or written."""
        if not self.make_strategy().learns and self.learn_from not in (None, "none", ["none"]):
            raise UserError(
                f"--learn-from has no effect on --strategy {self.strategy}, which does not learn; leave it out"
            )
        for name in ("trials", "concurrency", "max_failures", "baseline_trials", "max_checkpoints"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise UserError(f"--{name} is {count}; use 1 or more")
        if self.seed < 0:
            raise UserError(f"--seed is {self.seed}; use 0 or more")
        for name in ("trial_seconds", "trial_mib", "tail_minutes", "max_checkpoints_mib"):
            if (value := getattr(self, name)) is not None and not value > 0:
                raise UserError(f"--{name} is {value}; use more than 0")
        self.check_minutes()
        if self.folds != "auto" and (self.folds < 0 or self.folds == 1):
            raise UserError(f"--folds is {self.folds}; use 2 or more, 0 for none, or auto")
        self.limits  # noqa: B018
        if self.latency_table is not None and not Path(self.latency_table).is_file():
            raise UserError(
                f"--latency-table {self.latency_table} is no file; name a CSV such as a search's latency.csv"
            )
        self._check_timing()
        self._check_objectives()
        if self.budget is not None:
            make_budget_rule(self.budget, self.budget_options)
        elif self.budget_options:
            raise UserError("--budget_options have no effect without --budget; name one, such as asha")
        registry.load("hosts", self.host)().check(self)

    def _check_timing(self) -> None:
        if self.latency_threads < 1:
            raise UserError(f"--latency-threads is {self.latency_threads}; use 1 or more")
        is_measured = self.max_latency_ms is not None or "latency_ms" in self.costs
        if (self.latency_threads, self.latency_runtime) != (1, "torch") and (self.latency_table or not is_measured):
            raise UserError(
                "--latency-threads and --latency-runtime say how --max-latency-ms, or the objective latency_ms, is "
                "measured on this machine; leave them out"
            )
        if self.latency_runtime == "onnxruntime" and find_spec("onnxruntime") is None:
            raise UserError("--latency-runtime onnxruntime is not installed; install nni-nasplus[onnx], or use torch")

    def check_minutes(self) -> None:
        """Raise :class:`UserError` if they are no time."""
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise UserError(f"--minutes is {self.minutes:g}; use more than 0, or leave it out for no limit")

    def _check_objectives(self) -> None:
        if self.objectives is None:
            return
        if not self.costs:
            raise UserError(
                "--objectives names the score alone; name a cost after it, as in --objectives roc_auc,flops"
            )
        if unknown := [name for name in self.costs if name not in COSTS]:
            raise UserError(f"--objectives has {unknown[0]!r} for a cost; the score is first, then {', '.join(COSTS)}")
        if len(set(self.costs)) < len(self.costs):
            raise UserError(f"--objectives names a cost twice: {', '.join(self.costs)}")
        require_objectives(self.make_strategy(), self.costs)

    @property
    def costs(self) -> list[str]:
        """The metrics that are to be small beside the score: all objectives but the first."""
        return listed(self.objectives)[1:]

    def make_strategy(self) -> Strategy:
        """The strategy with its options; UserError if there is none such."""
        return make_strategy(self.strategy, self.strategy_options)

    def make_budget(self) -> Budget | None:
        """What there is to share out, once the evaluator is known; None where every trial is trained to its end.

        Raises
        ------
        UserError
            If there is no such rule, or it does not fit the epochs of a whole training.
        """
        if self.budget is None:
            return None
        rule, arguments = make_budget_rule(self.budget, self.budget_options), self.evaluator.get("init_args")
        epochs = arguments.get("epochs") if isinstance(arguments, dict) else None
        if not isinstance(epochs, int):
            raise UserError(f"--budget {self.budget} needs an evaluator that has epochs; leave it out")
        return Budget(rule, epochs, self.most_trials, self.seed)

    def are_met(self, history: History) -> bool:
        """Whether a search has done all that it was to do."""
        budget = self.make_budget()
        return len(history.finished) >= self.most_trials if budget is None else budget.is_over(history)

    @property
    def most_trials(self) -> float:
        """How many architectures are trained at most: infinite where only the minutes end the search."""
        if self.trials is None:
            return _TRIALS if self.minutes is None else math.inf
        return self.trials

    @property
    def expected_trials(self) -> int:
        """As many as are asked for, or as a search has by default: for what is set by their number beforehand."""
        return self.trials or _TRIALS

    @property
    def at_a_time(self) -> int:
        """How many trials the host runs at a time."""
        count: int = registry.load("hosts", self.host)().at_a_time(self)
        return count

    @property
    def limits(self) -> Limits:
        """What an architecture may take."""
        return Limits(**{name.name: getattr(self, name.name) for name in fields(Limits)})

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Settings:
        """Read :meth:`to_json`.

        Raises
        ------
        TypeError
            If there is anything else, or a value is of another type.
        """
        return typed(cls(**content))
