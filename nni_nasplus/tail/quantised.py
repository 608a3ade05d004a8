"""A found network at few bits, searched for each layer, and trained on; beside it the same bits everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from nni_nasplus import registry
from nni_nasplus.errors import TrialFailed, UserError
from nni_nasplus.networks.fits_itself import FitsItself
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.quantised.bit_operations import kibibytes
from nni_nasplus.networks.quantised.grids import FLOAT
from nni_nasplus.networks.quantised.space import QuantisedSpace
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.registry import described
from nni_nasplus.run.member import Member, Origin
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.search.space import Architecture
from nni_nasplus.tail.tested import Tested, tested

__all__ = ["MIXED", "Narrowed", "Quantising", "float_space"]

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
    run
        Whose data it learns from.
    space, architecture
        What the float network is built of.
    network
        The float network.
    bits
        Which there are.
    folder
        For what is left in between.
    epochs
        Of the search, and of each training; those of the run where None.
    cost
        What the search adds to the loss where all layers have the most bits; of fewer it is their share.
    """

    run: Run
    space: NetworkSpace
    architecture: Architecture
    network: nn.Module
    bits: Sequence[int]
    folder: Path
    epochs: int | None = None
    cost: float = 1.0

    def each(self, note: Callable[[str], None]) -> list[Narrowed]:
        """The float network as it is, then trained on at the same bits everywhere, most first, then the mixed one.

        Parameters
        ----------
        note
            Told what is done now.

        Raises
        ------
        UserError
            If nothing could have fewer bits, there are no such bits, or a training diverges.
        """
        space = float_space(self.space, self.architecture, self.network, self.bits)
        found = [self._as_it_is()]
        try:
            for bits in sorted(space.bits["weights"], reverse=True):
                note(f"training on at {bits} bits")
                found.append(self._trained(f"{bits} bits", space, space.uniform(bits)))
            if len(space.bits["weights"]) > 1:
                note("searching the bits of each layer")
                chosen = self._searched(space)
                note("training on at the bits that were found")
                found.append(self._trained(MIXED, space, chosen))
        except TrialFailed as error:
            raise UserError(f"quantising failed: {error}; use more bits") from None
        return found

    @property
    def _evaluator(self) -> Any:
        own = self.run.evaluator
        evaluator = replace(own, distillation=None, epochs=self.epochs or own.epochs)
        return evaluator.tuned(self.architecture)

    def _as_it_is(self) -> Narrowed:
        space = float_space(self.space, self.architecture, self.network, [FLOAT])
        network = space.quantised(deepcopy(self.network), space.uniform(FLOAT)).eval()
        return Narrowed("float", space, space.uniform(FLOAT), network, {}, tested(self.run, network))

    def _trained(self, name: str, space: QuantisedSpace, architecture: Architecture) -> Narrowed:
        network = space.quantised(deepcopy(self.network), architecture)
        metrics = self._evaluator.fit(network, self.folder / name.replace(" ", "_"))
        return Narrowed(name, space, architecture, network, metrics, tested(self.run, network))

    def _searched(self, space: QuantisedSpace) -> Architecture:
        """What EdMIPS finds from the float network's weights on."""
        evaluator = self._evaluator
        first, most = next(iter(space.macs.values())), space.bit_operations(space.uniform(max(self.bits)))
        settings = {"complexity": self.cost * first / most, "epochs": evaluator.epochs}
        search = made(registry.load("one_shot", _METHOD), space, evaluator, seed=self.run.settings.seed, **settings)
        weights = space.quantised(deepcopy(self.network), space.uniform(max(self.bits))).state_dict()
        search.supernet.net.load_state_dict(weights)
        (best, *_) = fit(search).architectures
        return best


def float_space(
    space: NetworkSpace, architecture: Mapping[str, Any], network: nn.Module, bits: Sequence[int]
) -> QuantisedSpace:
    """The bits of a network's layers as decisions.

    Raises
    ------
    UserError
        If it has no layer that could have fewer, or there are no such bits.
    """
    if isinstance(network, FitsItself):
        raise UserError(f"{type(network).__name__} has no convolution and no linear layer that could have fewer bits")
    return QuantisedSpace.of(space, architecture, bits)
