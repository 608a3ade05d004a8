"""Scores of a supernet that is initialised and given examples anew, as often as is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.proxies import linear_regions, ntk_condition, require_distinct
from nni_nasplus.proxies.examples import mapped
from nni_nasplus.proxies.kernel import ExampleGradients
from nni_nasplus.proxies.networks import scored_copy
from nni_nasplus.proxies.ntk import Statistics, gram_condition
from nni_nasplus.strategies.te_nas.batches import chosen, distinct, recent
from nni_nasplus.strategies.te_nas.initialisation import initialise
from nni_nasplus.strategies.te_nas.networks import Networks
from nni_nasplus.strategies.te_nas.pruning import Scores

__all__ = ["Scored", "Scorer", "Scoring"]


@dataclass(frozen=True)
class Scoring:
    """How networks are scored; see :class:`~nni_nasplus.strategies.te_nas.search.TENAS`.

    Raises
    ------
    UserError
        If a number is too small.
    """

    seed: int
    kernel_examples: int
    region_examples: int
    statistics: Statistics
    as_released: bool

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("kernel_examples", 2), ("region_examples", 2)):
            if getattr(self, name) < least:
                raise UserError(f"{name} is {getattr(self, name)}; use {least} or more")


class Scored(nn.Module):
    """A copy of a supernet whose masks are the supernet's own, for scores alone: a copy of it is itself.

    Scores copy what they are given, for they change it. Of a supernet that takes as long as the score, and what one
    score changes, precision apart, makes no difference to the next.

    Parameters
    ----------
    double
        Whether in float64; else as it is.
    """

    def __init__(self, supernet: Supernet, *, double: bool) -> None:
        super().__init__()
        copy = scored_copy(supernet, double=double)
        assert isinstance(copy, Supernet)
        copy.masks = supernet.masks
        self.supernet = copy

    def forward(self, batch: Any) -> Any:
        """The sum of all that is alive."""
        return self.supernet(batch)

    def __deepcopy__(self, memo: dict[int, Any]) -> Scored:
        return self


class Scorer:
    """κ and R of a supernet, whatever of it is alive.

    Between two calls of :meth:`begin` the networks scored have the same weights and examples. No two examples of the
    kernel are equal. R is counted in a thread beside that of κ, each in one of torch's: networks are too thin for more.

    Parameters
    ----------
    examples
        What batches are drawn from.
    """

    def __init__(self, networks: Networks, examples: Any, how: Scoring) -> None:
        self.networks = networks
        self.examples = examples if networks.recent is None else recent(examples, networks.recent)
        self.how = how
        self.begun: tuple[int, ...] = ()
        self._distinct = distinct(self.examples)
        self._beside = ThreadPoolExecutor(1, "linear regions", torch.set_num_threads, (1,))

    def begin(self, *place: int) -> None:
        """Draw weights and batches, a function of the seed and the place; nothing where that was the last one.

        Raises
        ------
        UserError
            If all examples drawn are equal.
        """
        if self.begun == place:
            return
        generator = self._generator(*place)
        weights = self._generator() if self.how.as_released else generator
        for network in self.networks.both:
            initialise(network, weights, kaiming=not self.how.as_released)
        self._draw(generator)
        self._prepare()
        self.begun = place

    def __call__(self, *, strict: bool = False) -> Scores:
        """The scores of what is alive.

        Raises
        ------
        UserError
            If no activation runs and ``strict``.
        """
        regions = self._beside.submit(linear_regions, self._thin, self._patches, strict=strict)
        kappa = self._kappa()
        return Scores(kappa, regions.result())

    def _generator(self, *place: int) -> torch.Generator:
        state = np.random.SeedSequence([self.how.seed, *place]).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(state[0]) >> 1)

    def _draw(self, generator: torch.Generator) -> None:
        """What the kernel and the linear regions are given."""
        device = next(self.networks.kernel.parameters()).device
        rows = torch.randperm(len(self._distinct), generator=generator)[: self.how.kernel_examples]
        self._batch = mapped(lambda field: field.to(device), chosen(self.examples, self._distinct[rows]))
        require_distinct(self._batch)
        self._patches = self._batch
        if self.networks.regions is not None:
            crops = self.networks.crops(self.examples, self.how.region_examples, generator)
            self._patches = mapped(lambda field: field.to(device), crops)

    def _prepare(self) -> None:
        kernel, regions = self.networks.both[0], self.networks.both[-1]
        self._wide, self._thin = Scored(kernel, double=True), Scored(regions, double=False)
        is_fast = self.how.statistics == "fixed" and ExampleGradients.covers(kernel)
        self._gradients = ExampleGradients(self._wide) if is_fast else None

    def _kappa(self) -> float:
        if self._gradients is None:
            return ntk_condition(self._wide, self._batch, statistics=self.how.statistics)
        return gram_condition(self._gradients.kernel(self._batch))
