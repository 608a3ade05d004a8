"""Model spaces: NNI ``ModelSpace`` modules that any strategy can search and any host can build."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nni
from nni.mutable import ensure_frozen
from nni.nas.nn.pytorch import ModelSpace
from nni.nas.space import model_context
from safetensors.torch import load_file
from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, Choice, SearchSpace

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["NetworkSpace"]


class NetworkSpace(ModelSpace):
    """An NNI ``ModelSpace`` of labelled scalar choices, with what the hosts and commands ask of a space.

    A subclass registers its decisions with ``self.add_mutable(nni.choice(label, choices))`` and may declare
    ``conditions`` (see :class:`~nni_nasplus.search.space.SearchSpace`).
    """

    conditions: Mapping[str, Mapping[str, Any]] = {}

    @cached_property
    def search_space(self) -> SearchSpace:
        """The decisions, host-independent."""
        return SearchSpace.from_nni(self)

    def _register(self, decisions: Mapping[str, Sequence[Choice]]) -> Architecture:
        """Register every decision; the active ones with their values in NNI's context."""
        active: Architecture = {}
        for name, choices in decisions.items():
            choice = self.add_mutable(nni.choice(name, list(choices)))
            parents = self.conditions.get(name, {})
            if all(parent in active and active[parent] in allowed for parent, allowed in parents.items()):
                active[name] = ensure_frozen(choice)
        return active

    def build(self, architecture: Mapping[str, Any]) -> nn.Module:
        """A freshly initialised network of one architecture; torch's global generator draws its weights.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        """
        with model_context(dict(self.search_space.validate(architecture))):
            return type(self)(*self.trace_args, **self.trace_kwargs)

    def trained(self, architecture: Mapping[str, Any], weights: Path) -> nn.Module:
        """A network with the weights of a ``.safetensors`` file.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        FileNotFoundError, safetensors.SafetensorError, RuntimeError
            If the file is absent, damaged, or of another architecture.
        """
        network = self.build(architecture)
        network.load_state_dict(load_file(weights))
        return network

    def example(self) -> Any:
        """An input of one example, of the largest size, for counting operations and for export."""
        raise NotImplementedError

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """A compact text for an architecture."""
        return json.dumps(self.search_space.validate(architecture), separators=(",", ":"))

    def parse_genotype(self, text: str) -> Architecture:
        """The architecture of a genotype.

        Raises
        ------
        UserError
            If the text is no genotype of this space.
        """
        try:
            architecture = json.loads(text)
        except ValueError:
            raise UserError(f"genotype {text!r} is no JSON object of decisions") from None
        return self.search_space.validate(architecture)

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """The data flow of an architecture, for drawing: nodes have a ``label`` and a ``kind``."""
        raise NotImplementedError
