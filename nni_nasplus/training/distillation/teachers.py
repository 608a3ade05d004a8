"""Which earlier trials teach, and what they answer on the training set."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric.utilities import move_data_to_device
from numpy.typing import NDArray
from pytorch_lightning.utilities.seed import isolate_rng
from safetensors import SafetensorError
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.search.history import History
from nni_nasplus.search.journal import JOURNAL, Journal
from nni_nasplus.search.trial import Trial
from nni_nasplus.training.distillation.logit_store import LogitStore
from nni_nasplus.training.distillation.loss import Teachers
from nni_nasplus.training.distillation.settings import Distillation
from nni_nasplus.training.trial_folder import WEIGHTS, trial_directory

__all__ = ["Examples", "find_teachers", "logits_of", "ranked"]

TEACHERS = "teachers"
"""The folder in a run directory."""
_UNUSABLE = (OSError, SafetensorError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Examples:
    """The training set as teachers are asked on it: each of N samples once, in a fixed order.

    Raises
    ------
    UserError
        If the ids are not ascending and distinct.
    """

    ids: NDArray[np.int64]
    """[N] what names a sample: the same one in every trial of the experiment."""
    n_classes: int
    batches: Iterable[Any]
    """What a network is called with; may be passed through again and again."""
    ids_of: Callable[[Any], Tensor]
    """The sample ids [B] of a batch."""

    def __post_init__(self) -> None:
        if (np.diff(self.ids) <= 0).any():
            raise UserError("the sample ids of the training set are not ascending and distinct; sort them")

    @property
    def digest(self) -> str:
        """A hash of the ids: samples of another split are not taken for these."""
        return hashlib.blake2b(self.ids.astype(np.int64).tobytes(), digest_size=4).hexdigest()


def find_teachers(
    run: str | Path,
    space: NetworkSpace,
    architecture: Mapping[str, Any],
    settings: Distillation,
    examples: Examples,
) -> Teachers | None:
    """The best distinct architectures that have finished before this one, with their logits.

    The logits are computed once for all trials, from the weights that a teacher's trial left, and kept in
    ``teachers/`` of the run directory. A teacher without them gives a warning, and its place to the next best.

    Parameters
    ----------
    run
        The directory with the journal.
    architecture
        The one about to be trained, which never teaches itself.

    Returns
    -------
    None where too few trials have finished, or none of them can teach.

    Raises
    ------
    UserError
        If there is no journal.
    """
    history = Journal.read(Path(run) / JOURNAL).history
    if len(history.finished) < settings.n_skip:
        return None
    candidates = ranked(history, space)
    candidates.pop(space.search_space.key(architecture), None)
    faculty = _Faculty(Path(run), space, settings, examples, list(candidates))
    answers = ((trial.number, faculty.logits(key, trial)) for key, trial in candidates.items())
    found = list(islice(((number, logits) for number, logits in answers if logits is not None), faculty.places))
    if not found:
        return None
    return Teachers(settings, tuple(n for n, _ in found), examples.ids, tuple(logits for _, logits in found))


def ranked(history: History, space: NetworkSpace) -> dict[str, Trial]:
    """The trials that this search has trained, by the architecture's key, the best first."""
    return {space.search_space.key(trial.architecture): trial for trial in history.best if trial.origin != "imported"}


def logits_of(network: nn.Module, examples: Examples) -> NDArray[np.float32]:
    """What a network answers in evaluation mode, on the accelerator if there is one: [N, C] in the order of the ids."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(device).eval()
    ids, logits = [], []
    with torch.inference_mode():
        for batch in examples.batches:
            ids.append(examples.ids_of(batch))
            logits.append(network(move_data_to_device(batch, device)).float().cpu())
    return torch.cat(logits)[torch.cat(ids).argsort()].numpy()


class _Faculty:
    """The finished trials of a run, asked for their logits; ``keys`` are theirs, best first."""

    def __init__(
        self, run: Path, space: NetworkSpace, settings: Distillation, examples: Examples, keys: Sequence[str]
    ) -> None:
        self.run = run
        self.space = space
        self.settings = settings
        self.examples = examples
        shape = len(examples.ids), examples.n_classes
        self.store = LogitStore(run / TEACHERS, shape, settings.max_bytes, [self._name(key) for key in keys])

    @property
    def places(self) -> int:
        """How many teachers a trial may have."""
        wanted, bound, size = self.settings.n_teachers, self.settings.max_bytes, self.store.file_bytes
        if wanted * size > bound:
            warnings.warn(
                f"distillation.max_bytes is {bound:,} and a teacher takes {size:,}: {bound // size} of {wanted} "
                f"teachers are used; use {wanted * size:,} or more",
                stacklevel=3,
            )
        return min(wanted, bound // size)

    def logits(self, key: str, trial: Trial) -> NDArray[np.float32] | None:
        """A trial's logits [N, C]; None, with a warning, where they cannot be had."""
        try:
            return self.store.get(self._name(key), lambda: self._computed(key, trial))
        except _UNUSABLE as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            warnings.warn(f"trial {trial.number} is skipped as a teacher: {reason}", stacklevel=4)
            return None

    def _computed(self, key: str, trial: Trial) -> NDArray[np.float32]:
        with isolate_rng():
            network = self.space.trained(trial.architecture, trial_directory(self.run, key) / WEIGHTS)
            return logits_of(network, self.examples)

    def _name(self, key: str) -> str:
        return f"{key}-{self.examples.digest}"
