"""A pool of random architectures that a proxy ranks before the first trial of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from pytorch_lightning.utilities.seed import isolate_rng

from nni_nasplus._progress import progress_bar
from nni_nasplus.data.text.batches import TextBatch
from nni_nasplus.errors import UserError
from nni_nasplus.proxies.examples import count, first, mapped, require_distinct
from nni_nasplus.proxies.pool import Progress, rank_pool
from nni_nasplus.proxies.proxy import Proxy, proxy_named
from nni_nasplus.run.run import Run
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.training.reporter import Reporter

__all__ = ["VALUES_FILE", "ranked_pool", "training_examples"]

VALUES_FILE = "proxies.csv"
_EXAMPLES = 32
"""The benchmark of proxies ranks by as many; kernels by the batch's statistics take time with the square of them."""


def ranked_pool(run: Run, proxy: str, size: int, reporter: Reporter | None = None) -> Ranking:
    """Rank random architectures of a run, within its limits, by a proxy on its training data.

    Values are kept in ``proxies.csv`` of the run directory, from which an interrupted call goes on.

    Parameters
    ----------
    run
        Its space builds the networks, its seed draws them, and its first training batch is what they are given.
    proxy
        The name of the proxy.
    size
        How many architectures to rank.
    reporter
        Hears of the best finite value so far and of how many were ``ranked``; where None, a progress
        bar in the terminal shows how it goes.

    Raises
    ------
    UserError
        See :func:`training_examples` and :func:`~nni_nasplus.proxies.pool.rank_pool`.
    """
    named, examples = proxy_named(proxy), training_examples(run)
    seed, file = run.settings.seed, run.directory / VALUES_FILE
    excess = run.excess if run.settings.limits else None
    with _shown(named, reporter) as progress:
        return rank_pool(run.space, proxy, size, examples, seed=seed, excess=excess, file=file, progress=progress)


def training_examples(run: Run) -> Any:
    """The first training batch as proxies take it, at most 32 examples, on this machine's GPU if it has one.

    Raises
    ------
    UserError
        If there are fewer than two examples, or all are equal.
    """
    with isolate_rng():
        batch = next(iter(run.evaluator.data().train_dataloader()), None)
    if isinstance(batch, TextBatch):
        batch = batch.tokens
    elif isinstance(batch, (list, tuple)) and not hasattr(batch, "_fields"):
        batch = batch[0]
    if batch is None or count(batch) < 2:
        raise UserError("a training batch has fewer than two examples, and proxies compare them; use a larger batch")
    require_distinct(batch)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return mapped(lambda field: field.to(device), first(batch, _EXAMPLES))


@contextmanager
def _shown(proxy: Proxy, reporter: Reporter | None) -> Iterator[Progress]:
    """Progress as the host shows it, or by a bar."""
    if reporter is not None:
        yield partial(_report, reporter, proxy)
        return
    with progress_bar(proxy.name, None, "networks") as advance:
        yield lambda values, wanted: advance(1, wanted)


def _report(reporter: Reporter, proxy: Proxy, values: Sequence[float], wanted: int) -> None:
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        reporter.intermediate(max(finite, key=proxy.utility), {"ranked": float(len(values))})
