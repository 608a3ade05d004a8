"""A found network at few bits, searched for each layer, and trained on; beside it the same bits everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from nni_nasplus import registry
from nni_nasplus._files import damage_named, read_json, write_json
from nni_nasplus.errors import TrialFailed, UserError
from nni_nasplus.networks.fits_itself import FitsItself
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.quantised.grids import FLOAT
from nni_nasplus.networks.quantised.layers import quantised_layers
from nni_nasplus.networks.quantised.space import QuantisedSpace
from nni_nasplus.networks.quantised.supernet import WEIGHTS
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.trial import Outcome
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.narrowed import Narrowed
from nni_nasplus.tail.tested import Tested
from nni_nasplus.training.evaluator import Evaluator

__all__ = ["MIXED", "Quantising"]

MIXED = "mixed"
"""The name of the network whose layers choose."""
_METHOD = "edmips"
_FOUND = "found.json"
"""In the folder of a search that is over: what it has found."""
Note = Callable[[str], None]


def _nothing(what: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Quantising:
    """What it takes to give a found network fewer bits.

    Each network, of whatever bits, begins with the weights of the float one and is trained on alike; the search only
    says which bits. What is finished is in the folder, and what was begun goes on from its last epoch: who is killed
    and does the same again ends with the same networks, on a CPU to the last bit.

    Parameters
    ----------
    evaluator
        Trains, for the epochs and by the seed that it has; the search too has as many epochs.
    space, architecture
        What the float network is built of.
    network
        The float network.
    folder
        For what is left in between; of this network and these options alone.
    test
        How a network does on the test examples.
    note
        Told what is done now.
    """

    evaluator: Evaluator
    space: NetworkSpace
    architecture: Architecture
    network: nn.Module
    folder: Path
    test: Callable[[nn.Module], Tested]
    note: Note = _nothing

    def each(self, bits: Sequence[int], cost: float, seconds: float = math.inf) -> list[Narrowed]:
        """The float network as it is, then trained on at the same bits everywhere, most first, then the mixed one.

        Parameters
        ----------
        bits
            Which there are.
        cost
            See :meth:`searched`.
        seconds
            Those at the same bits everywhere are trained, most first, as long as they are likely to end within so many;
            the mixed one is before them, and one at least where there is no choice of bits.

        Raises
        ------
        UserError
            If nothing could have fewer bits, there are no such bits, or a training diverges.
        """
        space, budget = self.bits(bits), Budget(seconds)
        self.note("testing the network as it is")
        found, numbers = [self.as_it_is()], sorted(space.bits[WEIGHTS], reverse=True)
        try:
            mixed = [self.trained(MIXED, space, self.searched(space, cost))] if len(numbers) > 1 else []
            for number in numbers:
                if not mixed or budget.allows(mixed[0].metrics["seconds"]):
                    found.append(self.trained(f"{number} bits", space, space.uniform(number)))
        except TrialFailed as error:
            raise UserError(f"quantising failed: {error}; use more bits") from None
        return [*found, *mixed]

    def bits(self, bits: Sequence[int]) -> QuantisedSpace:
        """The bits of the network's layers as decisions.

        Raises
        ------
        UserError
            If it has no layer that could have fewer, its layers have few already, or there are no such bits.
        """
        if isinstance(self.network, FitsItself):
            what = type(self.network).__name__
            raise UserError(f"{what} has no convolution and no linear layer that could have fewer bits")
        if any(True for _ in quantised_layers(self.network)):
            raise UserError("layers of the network have few bits already; name one that is float")
        return QuantisedSpace.of(self.space, self.architecture, bits)

    def as_it_is(self) -> Narrowed:
        """The float network, not trained on."""
        space = self.bits([FLOAT])
        network = space.quantised(deepcopy(self.network), space.uniform(FLOAT)).eval()
        return Narrowed("float", space, space.uniform(FLOAT), network, {}, self.test(network))

    def trained(self, name: str, space: QuantisedSpace, architecture: Architecture) -> Narrowed:
        """The network at these bits, trained on from the float weights; at once where the folder has it."""
        network, folder = space.quantised(deepcopy(self.network), architecture), self.folder / name
        if (known := Narrowed.kept(folder, name, space, architecture, network)) is not None:
            return known
        reporter = _Noting(self.note, f"training on, {name}", self.evaluator.epochs)
        metrics = self.evaluator.fit(network, folder, reporter, epochs=self.evaluator.epochs)
        found = Narrowed(name, space, architecture, network, metrics, self.test(network))
        found.keep(folder)
        return found

    def searched(self, space: QuantisedSpace, cost: float) -> Architecture:
        """The bits that EdMIPS finds from the float weights on; at once where the folder has them.

        Parameters
        ----------
        cost
            What is added to the loss where all layers have the most bits; of fewer it is their share.
        """
        folder = self.folder / f"search, cost {cost:g}"
        if (path := folder / _FOUND).is_file():
            with damage_named(path, "remove it to search again"):
                return space.search_space.validate(read_json(path))
        widest = {name: choices[-1] for name, choices in space.search_space.decisions.items()}
        first, *_ = space.macs.values()
        complexity = cost * first / space.bit_operations(widest)
        search = made(
            registry.load("one_shot", _METHOD),
            space,
            self.evaluator,
            seed=self.evaluator.seed,
            reporter=_Noting(self.note, "searching the bits of each layer", self.evaluator.epochs),
            complexity=complexity,
            epochs=self.evaluator.epochs,
        )
        search.supernet.net.load_state_dict(space.quantised(deepcopy(self.network), widest).state_dict())
        (best, *_) = fit(search, folder).architectures
        write_json(path, dict(best))
        return best


class _Noting:
    """Says after each epoch how far a training or a search is.

    Parameters
    ----------
    note
        Told it.
    what
        Is done.
    epochs
        How many there are.
    """

    output: Path | None = None

    def __init__(self, note: Note, what: str, epochs: int) -> None:
        self._note, self._what, self._epochs = note, what, epochs
        self._over = 0
        note(f"{what}: {epochs} epochs")

    def intermediate(self, score: float, metrics: Mapping[str, float]) -> None:
        """Say it."""
        self._over = int(metrics.get("epoch", self._over + 1))
        self._note(f"{self._what}: epoch {self._over} of {self._epochs}")

    def final(self, outcome: Outcome) -> None:
        """Nothing more."""
