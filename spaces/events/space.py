"""The 3,425,438,016 event-sequence networks of SeqNAS (arXiv 2401.03246) as an NNI model space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import nni
from nni.mutable import ensure_frozen
from nni.nas.space import model_context
from torch import Tensor

from nni_nasplus.data.batch import EventBatch, EventShape
from nni_nasplus.model_space import SearchableSpace
from nni_nasplus.space import Architecture

from .decisions import conditions, decisions
from .genotype import genotype, parse
from .graph import graph
from .network import EventSequenceNet

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["EventSequenceSpace"]


class EventSequenceSpace(SearchableSpace):
    """Classifiers of event sequences: the constants of the data, then the networks' ``hidden`` and ``dropout``.

    See :class:`~nni_nasplus.data.batch.EventShape` for the first five (``**shape.to_json()`` gives them), and
    :class:`~nni_nasplus.spaces.events.network.EventSequenceNet` for the last two. Without numeric columns the
    stem has no decisions and 428,179,752 architectures are left.
    """

    conditions = conditions()

    def __init__(
        self,
        cardinalities: Sequence[int] = (100, 20),
        n_numeric: int = 3,
        n_classes: int = 2,
        max_length: int = 128,
        periods: Sequence[float] = (1.0, 0.1, 0.01),
        hidden: int = 32,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.shape = EventShape(tuple(cardinalities), n_numeric, n_classes, max_length, tuple(periods))
        self.sizes = (hidden, dropout)
        self.net = EventSequenceNet(self.shape, self._decide(), hidden, dropout)

    def _decide(self) -> Architecture:
        """Register every decision; return the active ones with their values in NNI's context."""
        active: Architecture = {}
        for name, choices in decisions(self.shape.n_numeric > 0).items():
            choice = self.add_mutable(nni.choice(name, choices))
            parents = self.conditions.get(name, {})
            if all(parent in active and active[parent] in allowed for parent, allowed in parents.items()):
                active[name] = ensure_frozen(choice)
        return active

    def forward(self, batch: EventBatch) -> Tensor:
        """Logits [B, C] of B users."""
        return self.net(batch)

    def freeze(self, sample: Mapping[str, Any]) -> EventSequenceSpace:
        """The space with the network of a sample, which may leave out or keep inactive decisions."""
        with model_context(dict(sample)):
            return type(self)(*self.trace_args, **self.trace_kwargs)

    def build(self, architecture: Mapping[str, Any]) -> EventSequenceNet:
        """A freshly initialised network; UserError if the architecture is not in the space."""
        return EventSequenceNet(self.shape, self.search_space.validate(architecture), *self.sizes)

    def example(self) -> EventBatch:
        """One user with a full history."""
        return self.shape.example()

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """The compact genotype of the published table, such as ``01|1|agc1|44,12|00``."""
        return genotype(self.search_space.validate(architecture))

    def parse_genotype(self, text: str) -> Architecture:
        """The architecture of a compact genotype; UserError if it is none of this space."""
        return self.search_space.validate(parse(text))

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """The data flow of an architecture, for drawing: see graph.py."""
        return graph(self.search_space.validate(architecture), self.shape)
