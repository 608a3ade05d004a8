"""How to search, whatever for: the options that every search has."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nni_nasplus.errors import UserError
from nni_nasplus.networks.limits import Limits
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import make_strategy

__all__ = ["Settings"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The search itself.

    Parameters
    ----------
    strategy
        How to search: thompson, evolution, random, score (by a training-free score alone), or another installed one.
    strategy_options
        The strategy's own settings, as in --strategy_options.population_size 20, or in --strategy_options.score naswot,
        which lets thompson know a training-free score of random networks before it begins.
    starts
        What to train first, one architecture or more in the space's notation, as in --starts '[lstm, gru]'; [] for
        nothing. By default what the space names, for strategies that learn from results: RNN, GRU and LSTM for
        --space rnn, else nothing.
    trials
        Architectures to train.
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
        Architectures whose forward pass of one example takes more milliseconds on this machine are not trained.
    host
        What runs the trials: an NNI experiment, or an Optuna study.
    storage
        Of the Optuna study: a database's URL, or journal:PATH; by default study.db in the directory. Others may join in
        with: nasplus work DIR.
    port
        Of NNI's web UI.
    bind
        The address that the web UI listens on, without a password: 0.0.0.0 for every interface.
    out
        The directory to keep everything in; by default a new one under runs/.
    """

    strategy: str = "thompson"
    strategy_options: dict[str, Any] = field(default_factory=dict)
    starts: list[str] | str | None = None
    trials: int = 20
    concurrency: int = 2
    seed: int = 0
    max_failures: int = 5
    trial_seconds: float | None = None
    trial_mib: float | None = None
    max_parameters: float | None = None
    max_flops: float | None = None
    max_latency_ms: float | None = None
    host: Literal["nni", "optuna"] = "nni"
    storage: str | None = None
    port: int = 8080
    bind: str = "127.0.0.1"
    out: str | None = None

    def check(self) -> None:
        """Raise :class:`UserError` naming what cannot work, before anything is read or written."""
        if "starts" in self.strategy_options:
            raise UserError("--strategy_options.starts is none of them; use --starts, as in --starts '[lstm, gru]'")
        options = {**self.strategy_options, **({} if self.starts is None else {"starts": []})}
        make_strategy(self.strategy, SearchSpace({}), direction="maximize", seed=self.seed, options=options)
        for name in ("trials", "concurrency", "max_failures"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} is {getattr(self, name)}; use 1 or more")
        for name in ("trial_seconds", "trial_mib"):
            if (getattr(self, name) or 1) <= 0:
                raise UserError(f"--{name} is {getattr(self, name)}; use more than 0")
        Limits(**self._model_limits())
        self._check_host()

    def _check_host(self) -> None:
        if self.host == "optuna":
            if importlib.util.find_spec("optuna") is None:
                raise UserError('--host optuna needs Optuna; pip install "nni-nasplus[optuna]"')
            if self.trial_seconds is not None or self.trial_mib is not None:
                raise UserError("--trial_seconds and --trial_mib need --host nni, which gives each trial a process")
            if self.storage:
                from nni_nasplus.hosts.optuna.study import open_storage

                open_storage(self.storage)
        elif self.storage is not None:
            raise UserError("--storage has no effect; add --host optuna")

    def _model_limits(self) -> dict[str, float | None]:
        return {"parameters": self.max_parameters, "flops": self.max_flops, "latency_ms": self.max_latency_ms}

    def to_json(self, starts: Sequence[Architecture] | None = None) -> dict[str, Any]:
        """What a run keeps of them.

        Parameters
        ----------
        starts
            The architectures that :attr:`starts` names.
        """
        memory = None if self.trial_mib is None else int(self.trial_mib * 2**20)
        kept = ("strategy", "trials", "concurrency", "seed", "max_failures", "host", "storage")
        return {
            **{name: getattr(self, name) for name in kept},
            "options": {**self.strategy_options, **({} if starts is None else {"starts": list(starts)})},
            "model_limits": self._model_limits(),
            "limits": {"seconds": self.trial_seconds, "memory": memory},
        }
