"""What every estimator of this package has: a search that begins when it is fitted, and what it has found."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from nni_nasplus._files import typed
from nni_nasplus.errors import UserError
from nni_nasplus.estimators.found import Prepare, search
from nni_nasplus.estimators.undisturbed import undisturbed
from nni_nasplus.run.model import Model
from nni_nasplus.run.settings import Settings
from nni_nasplus.training.evaluator import Evaluator

__all__ = ["SearchingEstimator", "chosen", "plain", "well_typed"]

T = TypeVar("T")

_ELSEWHERE = (
    *("strategy", "strategy_options", "trials", "minutes", "host", "seed", "folds"),
    *("space", "evaluator", "study", "objective", "direction"),
)
"""Settings that are parameters of estimators, or follow from the data."""
_LARGEST = 2**31
"""One more than the largest seed that is drawn."""


class SearchingEstimator(BaseEstimator):
    """Searches when it is fitted; a subclass says what data it prepares and what it answers.

    Attributes
    ----------
    model_
        What was found, as :meth:`nni_nasplus.run.model.Model.of` makes it of the run.
    history_
        A row a trial, by its number: architecture, origin, status, score, reason, and its metrics.
    best_genotype_
        The best architecture, in the notation of its space.
    run_
        The directory of the search; None if that was a temporary one.
    """

    trials: int | None
    minutes: float | None
    strategy: str
    strategy_options: Mapping[str, Any] | None
    training: Mapping[str, Any] | None
    search: Mapping[str, Any] | None
    host: str | None
    out: str | Path | None
    random_state: Any
    verbose: bool

    def __sklearn_is_fitted__(self) -> bool:
        """Whether something was found."""
        return hasattr(self, "model_")

    def save(self, folder: str | Path, *, onnx: bool = False) -> None:
        """Write what was found as ``nasplus export`` does, for ``nasplus predict`` and ``Model.load``.

        Parameters
        ----------
        folder
            A new or empty folder.
        onnx
            Write ``model.onnx`` too (needs the onnx extra).

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        UserError
            If the folder is not empty or cannot be written.
        """
        check_is_fitted(self)
        folder = Path(folder)
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise UserError(f"{folder} exists and is not empty; name a new folder")
        self.model_.save(folder, onnx=onnx)

    def _search(self, prepare: Prepare, seed: int, *, folds: int | Literal["auto"] = "auto") -> None:
        """Search, or go on where an earlier ``fit`` has stopped."""
        settings = Settings(
            strategy=self.strategy,
            strategy_options=plain(self.strategy_options or {}),
            trials=plain(self.trials),
            minutes=plain(self.minutes),
            host=self.host or "process",
            seed=seed,
            folds=folds,
            **chosen("search", self.search, vars(Settings()), besides=_ELSEWHERE),
        )
        found = search(self.out, well_typed(settings), prepare, verbose=bool(self.verbose))
        self.model_, self.history_, self.best_genotype_ = found.model, found.history, found.genotype
        self.run_ = None if self.out is None else Path(self.out).expanduser().resolve()

    def _training(self, evaluator: type[Evaluator], own: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """The arguments of the evaluator: its own, then what ``training`` says."""
        known = [field.name for field in fields(evaluator)]
        further = chosen("training", self.training, known, besides=["objective", "epochs", "seed", "cache", "fold"])
        return {**plain(own), **further, "seed": seed}

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        if isinstance(self.random_state, np.random.Generator):
            return int(self.random_state.integers(_LARGEST))
        return int(check_random_state(self.random_state).randint(_LARGEST))

    def __getstate__(self) -> dict[str, Any]:
        """Plain values: what was found as the files that :meth:`save` writes."""
        state = dict(super().__getstate__())
        return {**state, "model_": _packed(state["model_"])} if "model_" in state else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read what :meth:`__getstate__` gave."""
        if "model_" in state:
            state = {**state, "model_": _unpacked(state["model_"])}
        super().__setstate__(state)


def chosen(
    parameter: str, options: Mapping[str, Any] | None, known: Iterable[str], *, besides: Sequence[str] = ()
) -> dict[str, Any]:
    """The options that a parameter holds; UserError if one is none of those known, or said elsewhere."""
    if not isinstance(options or {}, Mapping):
        raise UserError(f"{parameter} is {options!r}; give a mapping of names and values")
    free = [name for name in known if name not in besides]
    for name in options or {}:
        if name not in free:
            raise UserError(f"{parameter} has no option {name!r}; choose from {', '.join(free)}")
    return plain(options or {})


def plain(value: Any) -> Any:
    """A value without NumPy's numbers, which no file of settings takes, and which grids of parameters are made of."""
    if isinstance(value, Mapping):
        return {name: plain(content) for name, content in value.items()}
    if isinstance(value, list | tuple):
        return [plain(content) for content in value]
    return value.item() if isinstance(value, np.generic) else value


def well_typed(made: T) -> T:
    """A dataclass as it is; UserError if a field holds something else than its type says."""
    try:
        return typed(made)
    except TypeError as error:
        raise UserError(f"{error}: give another value") from None


def _packed(model: Model) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="nasplus-") as folder:
        place = Path(folder) / "model"
        model.save(place)
        return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


def _unpacked(files: Mapping[str, bytes]) -> Model:
    with undisturbed(), tempfile.TemporaryDirectory(prefix="nasplus-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return Model.load(folder)
