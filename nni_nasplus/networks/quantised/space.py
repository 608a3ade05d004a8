"""How many bits for which layer of a network that was found: a space like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from nni.mutable import frozen_context
from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.quantised.bit_operations import bit_operations, multiply_adds
from nni_nasplus.networks.quantised.grids import require_bits
from nni_nasplus.networks.quantised.layers import Bits, quantise_layers
from nni_nasplus.networks.quantised.supernet import INPUTS, WEIGHTS, BitSupernet, decision, decisions_of
from nni_nasplus.registry import described, instantiate
from nni_nasplus.search.space import Architecture, SearchSpace

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["QuantisedSpace"]

_LEAST_INPUTS = 2
"""Bits of inputs, as published: one bit would leave two values of what a layer is given."""
_MARK = " bits="
"""What notations have between the network's own and the bits."""


class QuantisedSpace(NetworkSpace):
    """The networks of one architecture at all bits: of each layer weights and inputs choose theirs.

    Which layers have a choice, :func:`~nni_nasplus.networks.quantised.bit_operations.multiply_adds` says; whatever else
    a network computes with, such as normalisation, embeddings and GRUs, stays float.

    Parameters
    ----------
    space, architecture
        What the network is built of: see :func:`~nni_nasplus.registry.described`.
    macs
        The multiply-adds of the layers by name; :meth:`of` measures them.
    bits
        Which there are: 1 to 8, or 32 for float. Inputs have no fewer than 2.

    Raises
    ------
    UserError
        If there is no layer, or no such number of bits.
    """

    def __init__(
        self, space: Mapping[str, Any], architecture: Mapping[str, Any], macs: Mapping[str, int], bits: Sequence[int]
    ) -> None:
        super().__init__()
        if not macs:
            raise UserError("the network has no convolution and no linear layer that could have fewer bits")
        self.bits = {WEIGHTS: require_bits(bits), INPUTS: require_bits(max(b, _LEAST_INPUTS) for b in bits)}
        self.macs = dict(macs)
        # NNI's context is that of these decisions, and a space that is an attribute would add its own
        with frozen_context({"__arch__": False}):
            self._whole = (instantiate(space, NetworkSpace), dict(architecture))
        choices = {decision(layer, what): self.bits[what] for layer in macs for what in (WEIGHTS, INPUTS)}
        self.decide(SearchSpace(choices))

    @classmethod
    def of(cls, space: NetworkSpace, architecture: Mapping[str, Any], bits: Sequence[int]) -> QuantisedSpace:
        """The space of a network.

        Raises
        ------
        UserError
            If it has no layer that could have fewer bits, or there is no such number of bits.
        """
        with torch.random.fork_rng():
            macs = multiply_adds(space.build(architecture), space.example())
        return cls(described(type(space), space.trace_kwargs), dict(architecture), macs, list(bits))

    @property
    def base(self) -> NetworkSpace:
        """The space of the network, whose decisions are not among these."""
        return self._whole[0]

    @property
    def architecture(self) -> Architecture:
        """That of the network in its own space."""
        return self._whole[1]

    def bits_of(self, architecture: Mapping[str, Any]) -> dict[str, Bits]:
        """By layer; UserError if the architecture is not in the space."""
        valid = self.search_space.validate(architecture)
        return {layer: Bits(*(int(valid[decision(layer, what)]) for what in (WEIGHTS, INPUTS))) for layer in self.macs}

    def uniform(self, bits: int) -> Architecture:
        """The architecture all of whose layers have so many bits, inputs at least 2; UserError where there is none."""
        own = {WEIGHTS: bits, INPUTS: max(bits, _LEAST_INPUTS)}
        chosen = {decision(layer, what): own[what] for layer in self.macs for what in (WEIGHTS, INPUTS)}
        return self.search_space.validate(chosen)

    def bit_operations(self, architecture: Mapping[str, Any]) -> float:
        """What its layers cost: see :func:`~nni_nasplus.networks.quantised.bit_operations.bit_operations`."""
        return bit_operations(self.macs, self.bits_of(architecture))

    def _network(self, architecture: Mapping[str, Any]) -> nn.Module:
        network = self.base.build(self.architecture)
        own = {layer: Bits(*(architecture[decision(layer, what)] for what in (WEIGHTS, INPUTS))) for layer in self.macs}
        return quantise_layers(network, own)

    def quantised(self, network: nn.Module, architecture: Mapping[str, Any]) -> nn.Module:
        """The network of an architecture with the weights of one that is float, which is taken over.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        """
        return quantise_layers(network, self.bits_of(architecture))

    def supernet(self, **sizes: Any) -> BitSupernet:
        """All bits at once; torch's global generator draws its weights.

        Raises
        ------
        UserError
            If sizes are given: it has those of the network.
        """
        if sizes:
            raise UserError(f"the supernet of bits has no {next(iter(sizes))}; leave it out")
        return BitSupernet(self.base.build(self.architecture), self.macs, self.bits[WEIGHTS], self.bits[INPUTS])

    def example(self) -> Any:
        """Make an input of one example, of the largest size."""
        return self.base.example()

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """The notation of the network, then the bits of weights and inputs of each layer: ``… bits=8/4,4/4``.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        """
        written = ",".join(f"{one.weights}/{one.inputs}" for one in self.bits_of(architecture).values())
        return f"{self.base.genotype(self.architecture)}{_MARK}{written}"

    def parse_genotype(self, text: str) -> Architecture:
        """Read what :meth:`genotype` writes.

        Raises
        ------
        UserError
            If the text is no genotype of this space.
        """
        own, _, written = text.rpartition(_MARK)
        numbers = [number for pair in written.split(",") for number in pair.split("/")]
        names = decisions_of(self.macs)
        if own != self.base.genotype(self.architecture) or len(numbers) != len(names) or not _are_whole(numbers):
            raise UserError(f"genotype {text!r} is none of this network; write {self.genotype(self._widest)!r}")
        return self.search_space.validate(dict(zip(names, map(int, numbers), strict=True)))

    @property
    def _widest(self) -> Architecture:
        return {name: choices[-1] for name, choices in self.search_space.decisions.items()}

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the data flow of the network, which bits do not change."""
        return self.base.graph(self.architecture)


def _are_whole(numbers: Sequence[str]) -> bool:
    return all(number.isascii() and number.isdigit() for number in numbers)
