"""P-DARTS: the supernet grows deeper while its edges lose operations (Chen et al., arXiv 1904.12760)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from pytorch_lightning.utilities.seed import isolate_rng
from torch import Tensor

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import NONE, SKIP, Supernet, supernet_of
from nni_nasplus.one_shot.inherited import Inherited
from nni_nasplus.one_shot.loss import TrainingLoss, Trains
from nni_nasplus.one_shot.mixture import new_alphas
from nni_nasplus.one_shot.options import options_of
from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.differentiable.darts import DARTS
from nni_nasplus.strategies.differentiable.stages import SkipDropout, alive_after, skip_dropout, with_skip_dropout

__all__ = ["PDARTS"]

_PUBLISHED = (5, 11, 17)
_DEEP = 20
"""Networks of so many cells, the published ones, are searched in supernets of the published depths."""


class PDARTS(DARTS):
    """Search in three stages; each begins with new weights and a new α, in a deeper supernet with fewer operations.

    At the end of a stage each edge loses the operations with the smallest softmax of α, of eight in the cells of DARTS
    so many that 5 and 3 are left; of those the last α chooses one, ``none`` apart. Skip connections are followed by
    dropout, which falls in each stage, and is larger in later ones. In the end the first kind of cell has at most two
    skips: of more the weakest are taken out, one by one, and the cell is derived again. The defaults are those of the
    authors' code on CIFAR-10, but for its batches of 96; there dropout jumps back to its largest value after ten
    epochs, as here.

    Parameters
    ----------
    stages
        Makes the supernet of each stage.
    evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(DARTS.Options):
        """Those of P-DARTS.

        Parameters
        ----------
        layers
            Cells of the supernet of each stage; none for the same size in all three, which is the default for what has
            no 20 cells.
        warm_up
            The share of each stage in which α stays as it is.
        dropout
            After skip connections, at the start of each stage.
        skips
            How many the first kind of cell may have.
        """

        epochs: int = 75
        final_rate: float = 0.0
        alpha_rate: float = 6e-4
        warm_up: float = 0.4
        layers: Sequence[int] = field(default=_PUBLISHED)
        dropout: Sequence[float] = field(default=(0.1, 0.4, 0.7))
        skips: int = 2

        def __post_init__(self) -> None:
            super().__post_init__()
            count = len(self.dropout)
            self._require("epochs", self.epochs >= count, f"{count} or more, one for each stage")
            self._require("dropout", count > 0 and all(0 <= rate < 1 for rate in self.dropout), "rates in [0, 1)")
            self._require("layers", len(self.layers) in (0, count), f"none, or one for each of {count} stages")
            self._require("skips", self.skips >= 0, "0 or more")

    options: Options
    supernet: Supernet
    loss: TrainingLoss

    def __init__(
        self,
        stages: Sequence[Callable[[], Supernet]],
        evaluator: Trains,
        options: Options,
        *,
        seed: int = 0,
        **others: Any,
    ) -> None:
        super().__init__(with_skip_dropout(stages[0]()), evaluator, options, seed=seed, **others)
        self.stages, self.stage = stages, 0

    @classmethod
    def of(  # type: ignore[override]  # it takes what trains
        cls, space: NetworkSpace, evaluator: Trains, *, seed: int = 0, reporter: Any = None, **settings: Any
    ) -> PDARTS:  # type: ignore[override]
        """The search of a space."""
        options = _options(cls.Options, space, evaluator, settings)
        depths = [{"layers": layers} for layers in options.layers] or [{}] * len(options.dropout)
        stages = [partial(supernet_of, space, **{**options.sizes, **depth}) for depth in depths]
        return cls(stages, evaluator, options, seed=seed, reporter=reporter)

    @classmethod
    def check(cls, space: NetworkSpace, settings: Mapping[str, Any]) -> None:
        """Raise :class:`UserError` if the options are refused, or the space has no supernet of their sizes."""
        with torch.device("meta"):
            supernet_of(space, **_options(cls.Options, space, None, settings).sizes)

    # stages

    @property
    def lengths(self) -> list[int]:
        """The epochs of each stage: as many in each, but for the rest of the division."""
        count = len(self.options.dropout)
        return [self.epochs * (i + 1) // count - self.epochs * i // count for i in range(count)]

    @property
    def place(self) -> tuple[int, int]:
        """The stage of this epoch, and how many of its epochs are over."""
        before = 0
        for stage, length in enumerate(self.lengths):
            if self.epoch < before + length:
                return stage, self.epoch - before
            before += length
        return len(self.lengths) - 1, self.lengths[-1]

    @property
    def alphas_move(self) -> bool:
        """After the first part of each stage."""
        stage, past = self.place
        return past >= round(self.options.warm_up * self.lengths[stage])

    def rate(self) -> float:
        """Half a cosine in each stage."""
        stage, past = self.place
        o = self.options
        return o.final_rate + (o.rate - o.final_rate) * (1 + math.cos(math.pi * past / self.lengths[stage])) / 2

    def epoch_begins(self) -> None:
        """Begin a stage if it is time, and set the dropout."""
        stage, _ = self.place
        if stage != self.stage:
            self._enter(stage)
            self._renew_optimizers()
        self._set_dropout()

    def on_fit_start(self) -> None:
        """Set the dropout, also where a search goes on in the middle of an epoch."""
        super().on_fit_start()
        self._set_dropout()

    def _set_dropout(self) -> None:
        stage, past = self.place
        for module in self.supernet.modules():
            if isinstance(module, SkipDropout):
                module.p = skip_dropout(self.options.dropout[stage], past, self.lengths[stage])

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Prune at the end of a stage; of a stage that is not the last so many that its share is left."""
        before = sum(self.lengths[: self.stage + 1])
        if self.epoch == before and self.stage < len(self.lengths) - 1:
            for cell, rows in self.strengths().items():
                self._prune(cell, rows.detach().cpu())

    def _prune(self, cell: str, shares: Tensor) -> None:
        left = alive_after(len(self.supernet.operations), self.stage)
        for edge, row in zip([e for e in self.supernet.edges if e.cell == cell], shares.tolist(), strict=True):
            names = sorted(self.supernet.alive(edge), key=lambda name: row[self.supernet.operations.index(name)])
            for name in names[: max(0, len(names) - left)]:
                self.supernet.prune(edge, name)

    def _enter(self, stage: int) -> None:
        """A new supernet and a new α, of the seed and the stage; what was pruned is pruned in it, too."""
        with isolate_rng():
            torch.manual_seed(self.seed + stage)
            supernet = with_skip_dropout(self.stages[stage]()).to(self.device)
        for cell, mask in supernet.masks.items():
            mask.copy_(self.supernet.masks[cell])
        self.supernet, self.stage = supernet, stage
        self.alphas = new_alphas(supernet, torch.Generator().manual_seed(self.seed + stage)).to(self.device)
        self.loss = TrainingLoss(supernet, self.evaluator, self.loss.carried)
        self.loss.to(self.device)
        self.inherited = Inherited(supernet, self.loss, *self.loaders, seed=self.seed)

    def _renew_optimizers(self) -> None:
        """Let both optimisers forget the last stage."""
        for number, parameters in enumerate((list(self.supernet.parameters()), self.architecture_parameters)):
            optimizer = self._optimizer(number).optimizer
            optimizer.state.clear()
            optimizer.param_groups[0]["params"] = parameters

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Make the supernet of the stage, before its weights are loaded."""
        super().on_load_checkpoint(checkpoint)
        if stage := checkpoint["state_dict"]["_extra_state"]["stage"]:
            self._enter(stage)

    def get_extra_state(self) -> dict[str, int]:
        """The stage, for ``state_dict``."""
        return {"stage": self.stage}

    def set_extra_state(self, state: Mapping[str, int]) -> None:
        """Nothing: the supernet of the stage is there already."""

    # the answer

    def derived(self) -> Architecture:
        """The cell without more skips than allowed."""
        weights = {cell: rows.detach().cpu().clone() for cell, rows in self.strengths().items()}
        if NONE in self.supernet.operations:
            for rows in weights.values():
                rows[:, self.supernet.operations.index(NONE)] = -1.0
        column = self.supernet.operations.index(SKIP) if SKIP in self.supernet.operations else None
        first = self.supernet.edges[0].cell
        edges = [edge for edge in self.supernet.edges if edge.cell == first]
        while True:
            found = self.supernet.derive(weights)
            skips = [
                edges.index(edge)
                for edge, name in self.supernet.selected(found)
                if edge.cell == first and name == SKIP and weights[first][edges.index(edge), column] > 0
            ]
            if len(skips) <= self.options.skips:
                return found
            weakest = min(skips, key=lambda row: float(weights[first][row, column]))
            weights[first][weakest, column] = 0.0


def _options(kind: type[PDARTS.Options], space: Any, evaluator: Any, given: Mapping[str, Any]) -> PDARTS.Options:
    """The depth grows where the networks of the space have the published depth, or it is asked for."""
    deep = getattr(getattr(space, "macro", None), "layers", 0) >= _DEEP
    settings = {**({} if deep else {"layers": ()}), **given}
    if settings.get("layers") and not hasattr(getattr(space, "macro", None), "layers"):
        raise UserError(f"{type(space).__name__} has no layers to grow; leave layers out")
    return options_of(kind, space, evaluator, settings)
