"""A found network at few bits, searched for each layer, and trained on; beside it the same bits everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from nni_nasplus import registry
from nni_nasplus.errors import TrialFailed, UserError
from nni_nasplus.networks.fits_itself import FitsItself
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.quantised.bit_operations import kibibytes
from nni_nasplus.networks.quantised.grids import FLOAT
from nni_nasplus.networks.quantised.space import QuantisedSpace
from nni_nasplus.networks.quantised.supernet import WEIGHTS
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.registry import described
from nni_nasplus.run.member import Member, Origin
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.search.space import Architecture
from nni_nasplus.tail.tested import Tested
from nni_nasplus.training.evaluator import Evaluator

__all__ = ["MIXED", "Narrowed", "Quantising"]

MIXED = "mixed"
"""The name of the network whose layers choose."""
_METHOD = "edmips"


@dataclass(frozen=True)
class Narrowed:
    """A network at few bits, trained on.

    Parameters
    ----------
    name
        What people call it.
    space, architecture
        What it is built of.
    network
        With its weights.
    metrics
        Of the validation examples.
    test
        How it does on the test examples.
    """

    name: str
    space: QuantisedSpace
    architecture: Architecture
    network: nn.Module
    metrics: Mapping[str, float]
    test: Tested

    @property
    def kibibytes(self) -> float:
        """What its weights take at their bits."""
        return kibibytes(self.network)

    @property
    def bit_operations(self) -> float:
        """Of one example."""
        return self.space.bit_operations(self.architecture)

    def model(self, run: Run) -> Model:
        """It, with all that new data go through."""
        settings = run.settings
        origin = Origin(
            settings.strategy,
            len(run.history().finished),
            settings.seed,
            settings.objective,
            **self.test.to_json(settings.objective),
        )
        member = Member(described(QuantisedSpace, self.space.trace_kwargs), self.architecture, self.name)
        model = Model([member], run.evaluator.preprocessing(), self.metrics, origin=origin)
        model.network.load_state_dict(self.network.state_dict())
        return model


@dataclass(frozen=True)
class Quantising:
    """What it takes to give a found network fewer bits.

    Each network, of whatever bits, begins with the weights of the float one and is trained on alike; the search only
    says which bits.

    Parameters
    ----------
    evaluator
        Trains, for the epochs and by the seed that it has; the search too has as many epochs.
    space, architecture
        What the float network is built of.
    network
        The float network.
    folder
        For what is left in between.
    test
        How a network does on the test examples.
    """

    evaluator: Evaluator
    space: NetworkSpace
    architecture: Architecture
    network: nn.Module
    folder: Path
    test: Callable[[nn.Module], Tested]

    def each(self, bits: Sequence[int], cost: float, note: Callable[[str], None]) -> list[Narrowed]:
        """The float network as it is, then trained on at the same bits everywhere, most first, then the mixed one.

        Parameters
        ----------
        bits
            Which there are.
        cost
            See :meth:`searched`.
        note
            Told what is done now.

        Raises
        ------
        UserError
            If nothing could have fewer bits, there are no such bits, or a training diverges.
        """
        space = self.bits(bits)
        note("testing the network as it is")
        found = [self.as_it_is()]
        try:
            for number in sorted(space.bits[WEIGHTS], reverse=True):
                note(f"training on at {number} bits")
                found.append(self.trained(f"{number} bits", space, space.uniform(number)))
            if len(space.bits[WEIGHTS]) > 1:
                note("searching the bits of each layer")
                chosen = self.searched(space, cost)
                note("training on at the bits that were found")
                found.append(self.trained(MIXED, space, chosen))
        except TrialFailed as error:
            raise UserError(f"quantising failed: {error}; use more bits") from None
        return found

    def bits(self, bits: Sequence[int]) -> QuantisedSpace:
        """The bits of the network's layers as decisions.

        Raises
        ------
        UserError
            If it has no layer that could have fewer, or there are no such bits.
        """
        if isinstance(self.network, FitsItself):
            what = type(self.network).__name__
            raise UserError(f"{what} has no convolution and no linear layer that could have fewer bits")
        return QuantisedSpace.of(self.space, self.architecture, bits)

    def as_it_is(self) -> Narrowed:
        """The float network, not trained on."""
        space = self.bits([FLOAT])
        network = space.quantised(deepcopy(self.network), space.uniform(FLOAT)).eval()
        return Narrowed("float", space, space.uniform(FLOAT), network, {}, self.test(network))

    def trained(self, name: str, space: QuantisedSpace, architecture: Architecture) -> Narrowed:
        """The network at these bits, trained on from the float weights."""
        network = space.quantised(deepcopy(self.network), architecture)
        metrics = self.evaluator.fit(network, self.folder / name.replace(" ", "_"))
        return Narrowed(name, space, architecture, network, metrics, self.test(network))

    def searched(self, space: QuantisedSpace, cost: float) -> Architecture:
        """The bits that EdMIPS finds from the float weights on.

        Parameters
        ----------
        cost
            What is added to the loss where all layers have the most bits; of fewer it is their share.
        """
        widest = {name: choices[-1] for name, choices in space.search_space.decisions.items()}
        first, *_ = space.macs.values()
        complexity = cost * first / space.bit_operations(widest)
        kind = registry.load("one_shot", _METHOD)
        epochs = self.evaluator.epochs
        search = made(kind, space, self.evaluator, seed=self.evaluator.seed, complexity=complexity, epochs=epochs)
        search.supernet.net.load_state_dict(space.quantised(deepcopy(self.network), widest).state_dict())
        (best, *_) = fit(search).architectures
        return best
