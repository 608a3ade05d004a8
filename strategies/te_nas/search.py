"""TE-NAS as a Lightning module: an epoch is a round, a training step scores one network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.one_shot.one_shot import HasData, OneShot
from nni_nasplus.proxies import require_distinct
from nni_nasplus.proxies.examples import inputs_of
from nni_nasplus.proxies.ntk import Statistics
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.te_nas.batches import drawn_from
from nni_nasplus.strategies.te_nas.networks import Networks, networks_of
from nni_nasplus.strategies.te_nas.pruning import (
    Cut,
    Scores,
    changes,
    cuts_of,
    importance,
    kept_edges,
    pruned_operations,
)
from nni_nasplus.strategies.te_nas.scoring import Scorer, Scoring
from nni_nasplus.training.reporter import Reporter

__all__ = ["TENAS"]

_PAPER = (32, 5000)
_RELEASED_PATCHES = 3000
_POOL = 1000
"""Training examples that batches are drawn from."""
_PATCHES = 1000
"""A fifth of the paper's: on DARTS' supernet at 16×16 pixels they halve the time of a score."""
_STATE = "te_nas"


class TENAS(OneShot):
    """TE-NAS (Chen et al., arXiv 2102.11535, Algorithm 1), to be fitted by a Lightning Trainer, which needs no data.

    In each round, and for each operation of the edges that have several, the supernet is scored without it: by the
    condition number κ of its kernel and its linear regions R. Of each edge those operations go whose removal makes κ
    smaller and costs no regions, by the sum of both ranks. Then, where ``networks.edges_per_node`` says so, the same
    for whole edges. The last round stops the trainer; :attr:`architecture` is what is left.

    The same seed and examples give the same architecture. A checkpoint, of whichever step, goes on as if the search had
    never stopped. Logged are κ and R of the supernet, the operations alive on each edge, and, by TensorBoard, pictures
    of the cells.

    Parameters
    ----------
    networks
        See :func:`~nni_nasplus.strategies.te_nas.networks.networks_of`. They are changed.
    examples
        What batches are drawn from: images [N, C, H, W] or a batch of events;
        :func:`~nni_nasplus.strategies.te_nas.batches.drawn_from` takes them from a loader, and
        :func:`~nni_nasplus.proxies.random_batch` makes random ones.
    seed
        Of weights and batches.
    repeats
        Scores are means over so many initialisations and batches.
    prune
        How many operations each edge loses in a round; by default 1, of DARTS 3.
    kernel_examples
        In a batch; 32 as in the paper, or those of the authors' code: 72, and 14 or 24 for DARTS.
    region_examples
        Patches; 5000 as in the paper, or 3000.
    statistics
        Of the batch norms in the kernel: see :func:`~nni_nasplus.proxies.ntk.jacobian`. In the authors' code those of
        the batch; with them the kernel of DARTS is always singular at first, for its last cell ends in batch norms,
        whose outputs add up to their biases, 0, over the batch, whatever the weights before.
    as_released
        As the authors' code has it: weights are drawn once, as torch draws them, and only batches change; batch
        statistics; changes are rounded to three decimals; equal ones count as one rank.
    reporter
        Hears of each round by an intermediate result, also of those before a resume: κ and R of the supernet before it,
        the operations alive after it, in all and of each edge; its curve is the share of those of the beginning.

    Raises
    ------
    UserError
        If a number is too small, all examples are equal, or no activation runs in the supernet.

    Examples
    --------
    >>> space = NasBench201Space(size=16)
    >>> search = TENAS(networks_of(space), random_batch(space, 1000, torch.Generator().manual_seed(0)))
    >>> pl.Trainer().fit(search)
    >>> space.genotype(search.architecture)
    """

    checkpoint_steps = 50

    def __init__(
        self,
        networks: Networks,
        examples: Any,
        *,
        seed: int = 0,
        repeats: int = 3,
        prune: int | None = None,
        kernel_examples: int | None = None,
        region_examples: int | None = None,
        statistics: Statistics | None = None,
        as_released: bool = False,
        reporter: Reporter | None = None,
    ) -> None:
        kernel, regions = (networks.examples, _RELEASED_PATCHES) if as_released else _PAPER
        how = Scoring(
            seed,
            kernel if kernel_examples is None else kernel_examples,
            regions if region_examples is None else region_examples,
            statistics or ("batch" if as_released else "fixed"),
            as_released,
        )
        prune = networks.prune if prune is None else prune
        settings = {"repeats": repeats, "prune": prune, **asdict(how)}
        super().__init__(seed=seed, settings=settings, reporter=reporter)
        self.repeats, self.prune = repeats, prune
        self._check()
        self.scorer = Scorer(networks, inputs_of(examples), how)
        self.networks = nn.ModuleList(networks.both)
        self.edges_per_node = networks.edges_per_node
        self.round = 0
        self._operations = sum(self._alive.values())
        self._scores: list[Scores] = []

    @classmethod
    def of(
        cls,
        space: NetworkSpace,
        evaluator: HasData,
        *,
        seed: int = 0,
        reporter: Reporter | None = None,
        examples: int = _POOL,
        as_released: bool = False,
        **settings: Any,
    ) -> TENAS:
        """The search of a space on the first training examples of an evaluator.

        Parameters
        ----------
        examples
            How many training examples batches are drawn from.
        as_released, settings
            See :class:`TENAS`; by default 1000 patches are taken, as released 3000.
        """
        networks = networks_of(space)
        drawn = drawn_from(evaluator.data().train_dataloader(), examples)
        given = settings if as_released else {"region_examples": _PATCHES, **settings}
        return cls(networks, drawn, seed=seed, reporter=reporter, as_released=as_released, **given)

    def _check(self) -> None:
        for name in ("repeats", "prune"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; use 1 or more")

    @property
    def kernel(self) -> Supernet:
        """The supernet; the other one shares its masks."""
        return self.scorer.networks.kernel

    @property
    def cuts(self) -> list[Cut]:
        """What this round tries to leave out; nothing when the search is over."""
        return cuts_of(self.kernel, self.edges_per_node)

    @property
    def architecture(self) -> Architecture:
        """What the supernet has left; before the end the first of it."""
        return self.kernel.derive()

    def architectures(self) -> Ranking:
        """The one that is left."""
        return Ranking.of([self.architecture], [0.0])

    def on_fit_start(self) -> None:
        """Look at the examples and the supernet; each round has a loader of its own length."""
        self.trainer.reload_dataloaders_every_n_epochs = 1  # type: ignore[attr-defined]
        require_distinct(self.scorer.examples)
        if not self.round:
            self.scorer.begin(0, 0)
            self.scorer(strict=True)
        super().on_fit_start()

    def train_dataloader(self) -> Iterable[int]:
        """The numbers of the networks to score in a round."""
        return range(self._steps)

    @property
    def _steps(self) -> int:
        cuts = self.cuts
        return self.repeats * (1 + len(cuts)) if cuts else 0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One that changes nothing: Lightning counts steps, and saves checkpoints, by what optimisers do."""
        return torch.optim.SGD(self.kernel.parameters(), lr=0.0)

    def training_step(self, batch: int, batch_index: int) -> None:
        """Score the next network of the round; what Lightning repeats after a resume is passed over."""
        if len(self._scores) < self._steps:
            self._score()
        self.optimizers().step()  # type: ignore[union-attr]

    def on_train_epoch_end(self) -> None:
        """Prune where the round is complete, and stop after the last; a trainer may be stopped in the middle of one."""
        if self._scores and len(self._scores) == self._steps:
            self._prune()
        if not self.cuts:
            self.trainer.should_stop = True

    def _score(self) -> None:
        cuts = self.cuts
        repeat, place = divmod(len(self._scores), 1 + len(cuts))
        self.scorer.begin(self.round, repeat)
        if place:
            with self.kernel.without(*cuts[place - 1]):
                self._scores.append(self.scorer())
        else:
            self._scores.append(self.scorer())
            self.log_dict(self._scores[-1]._asdict(), prog_bar=True, logger=False)

    def _prune(self) -> None:
        cuts, size = self.cuts, 1 + len(self.cuts)
        by_repeat = [self._scores[start : start + size] for start in range(0, len(self._scores), size)]
        released = self.scorer.how.as_released
        importances = importance(changes(by_repeat, rounded=released), dense=released).tolist()
        for edge, operation in self._least(cuts, importances):
            self.kernel.prune(edge, operation)
        self.round += 1
        self._scores = []
        self._log_round([one[0] for one in by_repeat])

    def _least(self, cuts: list[Cut], importances: list[float]) -> list[Cut]:
        """What goes at the end of a round."""
        if cuts[0].operation is not None:
            return pruned_operations(cuts, importances, self.prune)
        kept = kept_edges(cuts, importances, self.edges_per_node or 0)
        return [cut for cut in cuts if cut not in kept]

    def _log_round(self, whole: list[Scores]) -> None:
        """Log and report the mean scores of the supernet before this round, and what is alive after it."""
        kappa, regions = np.mean(whole, axis=0).tolist()
        alive = self._alive
        self.log_dict({"round/kappa": kappa, "round/regions": regions, **alive})
        left = sum(alive.values())
        self.report(left / self._operations, {"alive": left, "kappa": kappa, "regions": regions, **alive})
        self.show(self.kernel, f"after round {self.round}", self.round)

    @property
    def _alive(self) -> dict[str, int]:
        """How many operations each edge has left."""
        return {f"alive/{e.cell}_{e.source}_{e.target}": len(self.kernel.alive(e)) for e in self.kernel.edges}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep how far the round is."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[_STATE] = {"round": self.round, "scores": [tuple(scores) for scores in self._scores]}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over how far the round was.

        Raises
        ------
        UserError
            If the checkpoint is of a search with other settings.
        """
        super().on_load_checkpoint(checkpoint)
        state = checkpoint[_STATE]
        self.round, self._scores = state["round"], [Scores(*pair) for pair in state["scores"]]
