"""Random architectures of a run, scored on its training data before it begins."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from pytorch_lightning.utilities.seed import isolate_rng
from tqdm import tqdm

from nni_nasplus import registry
from nni_nasplus._files import write_text
from nni_nasplus.data.text.batches import TextBatch
from nni_nasplus.errors import UserError
from nni_nasplus.networks.limits import Limits
from nni_nasplus.proxies.examples import count, first, mapped, require_distinct
from nni_nasplus.proxies.table import Score
from nni_nasplus.proxies.untrained import FreshScore
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.strategy import SearchSpaceExhausted

if TYPE_CHECKING:
    from nni_nasplus.run.run import Run
    from nni_nasplus.training.reporter import Reporter

__all__ = ["SCORES_FILE", "score_pool", "training_examples"]

SCORES_FILE = "scores.csv"
_EXAMPLES = 32
_EVERY = 20
"""Scores between two writings of the file."""
_ATTEMPTS = 20
"""Draws for each architecture wanted, before fewer are enough."""


def score_pool(run: Run, name: str, size: int, reporter: Reporter | None = None) -> Ranking:
    """Score random distinct architectures that keep to the limits, each by a fresh network.

    They are a function of the run's seed; the whole space is taken where it has no more. Scores are kept in
    ``scores.csv`` of the run directory, from which an interrupted call goes on.

    Parameters
    ----------
    run
        Its space builds the networks, and its first training batch is what they are given, 32 examples at most.
    name
        Of the score.
    size
        How many to score; fewer where most of 20 times as many exceed the limits.
    reporter
        Hears of the best finite score so far, as ``default``, and how many were ``scored``; a progress bar shows how it
        goes where None.

    Raises
    ------
    UserError
        If there is no such score, the examples do not differ, or no architecture keeps to the limits.
    """
    score = FreshScore(run.space, name, training_examples(run), run.settings["seed"])
    drawn, kept = _Drawn(run, size), _Kept(run.directory / SCORES_FILE, name)
    scored: dict[str, Architecture] = {}
    shown = tqdm(total=drawn.size, desc=name, unit="network", file=sys.stderr, disable=reporter is not None)
    with shown as bar, kept:
        for architecture in drawn:
            genotype = run.space.genotype(architecture)
            if genotype not in kept.values:
                if not drawn.within_limits(architecture):
                    continue
                kept.add(genotype, score(architecture))
            scored[genotype] = architecture
            bar.update()
            if reporter is not None:
                _report(reporter, score.score, [kept.values[known] for known in scored])
            if len(scored) == drawn.size:
                break
    if not scored:
        raise UserError(f"none of {drawn.attempts:,} random architectures keeps to the limits; raise --max_…")
    utilities = [score.score.utility(kept.values[genotype]) for genotype in scored]
    if len(utilities) > 1 and len(np.unique(utilities)) == 1:
        warnings.warn(f"{name} is {kept.values[next(iter(scored))]} of all networks; try another score", stacklevel=2)
    return Ranking.of(list(scored.values()), utilities)


def _report(reporter: Reporter, score: Score, values: list[float]) -> None:
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        reporter.intermediate({"default": max(finite, key=score.utility), "scored": float(len(values))})


def training_examples(run: Run) -> Any:
    """The first training batch as scores take it, at most 32 examples, on this machine's GPU if it has one.

    Raises
    ------
    UserError
        If there are fewer than two, or all are equal.
    """
    with isolate_rng():
        batch = next(iter(run.evaluator.data().train_dataloader()), None)
    if isinstance(batch, TextBatch):
        batch = batch.tokens
    elif isinstance(batch, (list, tuple)) and not hasattr(batch, "_fields"):
        batch = batch[0]
    if batch is None or count(batch) < 2:
        raise UserError("a training batch has fewer than two examples, and scores compare them; use a larger batch")
    require_distinct(batch)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return mapped(lambda field: field.to(device), first(batch, _EXAMPLES))


class _Drawn:
    """Distinct random architectures of a run, more than wanted: some exceed the limits."""

    def __init__(self, run: Run, size: int) -> None:
        self.run = run
        whole = run.space.search_space.size
        self.size = size if whole is None else min(size, whole)
        self.attempts = self.size * _ATTEMPTS
        self._limits = Limits(**run.settings.get("model_limits") or {})

    def __iter__(self) -> Iterator[Architecture]:
        search = registry.load("strategies", "random")(self.run.space.search_space, seed=self.run.settings["seed"])
        for _ in range(self.attempts):
            try:
                yield search.ask()
            except SearchSpaceExhausted:
                return

    def within_limits(self, architecture: Architecture) -> bool:
        return not self._limits or self._limits.excess(self.run.space, architecture) is None


class _Kept:
    """Scores by genotype in a file, as a context manager that leaves none out."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self.values: dict[str, float] = {}
        if path.exists():
            table = pd.read_csv(path, dtype={"genotype": str}, keep_default_na=False, na_values={name: ["nan"]})
            self.values = dict(zip(table["genotype"], table[name].astype(float), strict=True))

    def __enter__(self) -> _Kept:
        return self

    def add(self, genotype: str, value: float) -> None:
        self.values[genotype] = value
        if len(self.values) % _EVERY == 0:
            self._write()

    def _write(self) -> None:
        table = pd.DataFrame({"genotype": self.values.keys(), self.name: self.values.values()})
        write_text(self.path, table.to_csv(index=False, na_rep="nan"))

    def __exit__(self, *_: object) -> None:
        self._write()
