"""The 3,425,438,016 event-sequence networks of SeqNAS (arXiv 2401.03246) as an NNI model space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nni.nas.space import model_context
from torch import Tensor

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.events.decisions import GRU, HEADS, conditions, decisions
from nni_nasplus.spaces.events.genotype import genotype, parse
from nni_nasplus.spaces.events.graph import graph
from nni_nasplus.spaces.events.network import EventSequenceNet
from nni_nasplus.spaces.recurrent.cells import cell_maker
from nni_nasplus.spaces.recurrent.recipe import PRESETS, Recipe

if TYPE_CHECKING:
    import networkx as nx

    from nni_nasplus.spaces.events.supernet import EventSupernet

__all__ = ["EventSequenceSpace"]

_SUPERNET = {"encoder_layers": 4, "temporal_encoding": 1}


class EventSequenceSpace(NetworkSpace):
    """Classifiers of event sequences: the constants of the data, then the networks' ``hidden`` and ``dropout``.

    See :class:`~nni_nasplus.data.events.batch.EventShape` for the first five (``**shape.to_json()`` gives them), and
    :class:`~nni_nasplus.spaces.events.network.EventSequenceNet` for the last two. Without numeric columns the
    stem has no decisions and 428,179,752 architectures are left.

    With ``cells`` each encoder layer that has a GRU decides what runs in its place: ``gru``, which is
    :class:`torch.nn.GRU`, or one of the cells, each a text of
    :func:`~nni_nasplus.spaces.recurrent.cells.cell_of` such as ``lstm``. Recipes become their canonical notation; that
    of the recipe ``gru``, whose name is taken, is its only name here. Networks with cells are not exported to ONNX.

    Raises
    ------
    UserError
        If a cell is unknown or given twice.
    """

    conditions: Mapping[str, Mapping[str, Any]] = conditions()

    def __init__(
        self,
        cardinalities: Sequence[int] = (100, 20),
        n_numeric: int = 3,
        n_classes: int = 2,
        max_length: int = 128,
        periods: Sequence[float] = (1.0, 0.1, 0.01),
        hidden: int = 32,
        dropout: float = 0.1,
        cells: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.shape = EventShape(tuple(cardinalities), n_numeric, n_classes, max_length, tuple(periods))
        self.sizes = (hidden, dropout)
        self.cells = _named(cells)
        self.conditions = conditions(self.cells)
        chosen = self._register(decisions(n_numeric > 0, self.cells))
        self.net = EventSequenceNet(self.shape, chosen, hidden, dropout)

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

    def supernet(self, heads: int = 1, **fixed: Choice) -> EventSupernet:
        """A freshly initialised supernet of the ops of the encoder's layers; the other decisions are fixed.

        By default the encoder has 4 layers, the temporal encoding is on, and the rest are the first choices: no
        decoder, no dropout, pooling by the mean, and a stem of kernel 1 where there are numeric columns. With ``cells``
        the layers have the GRU, and so do the architectures derived.

        Parameters
        ----------
        heads
            Of the attention in each layer: 1, 2, 4 or 8.
        fixed
            Other choices, as in ``encoder_layers=2, decoder_layers=1, decoder_1_cross_heads=4``.

        Raises
        ------
        UserError
            If a decision is unknown or one of a layer of the encoder, or a choice is none of its choices.

        Examples
        --------
        >>> space = EventSequenceSpace()
        >>> space.genotype(space.supernet(encoder_layers=2, pooling="max").derive())
        """
        from nni_nasplus.spaces.events.supernet import EventSupernet, of_a_layer

        if heads not in HEADS:
            raise UserError(f"heads is {heads!r}; use 1, 2, 4 or 8")
        if searched := next(filter(of_a_layer, fixed), None):
            raise UserError(
                f"'{searched}' is of one layer, whose op is searched; leave it out, or give heads for all layers"
            )
        first = {name: choices[0] for name, choices in self.search_space.decisions.items()}
        chosen = self.search_space.validate({**first, **_SUPERNET, **fixed})
        return EventSupernet(self.shape, chosen, *self.sizes, heads, cells=self.cells)

    def example(self) -> EventBatch:
        """One user with a full history."""
        return self.shape.example()

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """The compact genotype of the published table, such as ``01|1|agc1|44,12|00``; a cell as in ``agc1{lstm}``."""
        return genotype(self.search_space.validate(architecture))

    def parse_genotype(self, text: str) -> Architecture:
        """The architecture of a compact genotype; UserError if it is none of this space."""
        return self.search_space.validate(parse(text, with_cells=bool(self.cells)))

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """The data flow of an architecture, for drawing: see graph.py."""
        return graph(self.search_space.validate(architecture), self.shape)


def _named(cells: Sequence[str]) -> list[str]:
    """The cells, recipes by their notation."""
    names: list[str] = []
    for cell in cells:
        name = Recipe.parse(cell).notation if set(cell) & set("({") else cell
        if name == GRU:
            raise UserError(f"'{GRU}' is torch's here and always there; for the recipe write '{PRESETS[GRU].notation}'")
        if name in names:
            raise UserError(f"the cell '{name}' is given twice; leave one out")
        cell_maker(name)
        names.append(name)
    return names
