"""The 3,425,438,016 event-sequence networks of SeqNAS (arXiv 2401.03246) as an NNI model space."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from torch import nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.data.link import Link
from nni_nasplus.errors import UserError
from nni_nasplus.networks.hyperparameters import Hyperparameters, parted
from nni_nasplus.networks.tuned_space import NOTHING, TunedSpace
from nni_nasplus.search.space import Architecture, Choice, SearchSpace
from nni_nasplus.search.summary import NOT_THERE
from nni_nasplus.spaces.events.baselines import RecurrentBaselines
from nni_nasplus.spaces.events.boosting.space import BoostedEvents
from nni_nasplus.spaces.events.decisions import ALL_POOLINGS, GRU, HEADS, POOLINGS, conditions, decisions
from nni_nasplus.spaces.events.genotype import genotype, parse
from nni_nasplus.spaces.events.graph import graph
from nni_nasplus.spaces.events.network import EventSequenceNet
from nni_nasplus.spaces.events.recommended import recommended
from nni_nasplus.spaces.events.stem import LEAST_WIDTH
from nni_nasplus.spaces.recurrent.cells import cell_maker
from nni_nasplus.spaces.recurrent.recipes.presets import PRESETS
from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe

if TYPE_CHECKING:
    import networkx as nx
    from nni.nas.strategy import Strategy

    from nni_nasplus.networks.path_supernet import PathSupernet
    from nni_nasplus.spaces.events.supernets.encoder import EventSupernet

__all__ = ["EventSequenceSpace"]

_MOST_DROPOUT = 0.5
"""Temporal dropout has twice the rate, and is a probability."""
_SUPERNET = {"encoder_layers": 4, "temporal_encoding": 1}
"""Where the first choice will not do: the layers are what is searched, so there are as many as can be, told of time."""


class EventSequenceSpace(TunedSpace):
    """Classifiers of event sequences: an ``EventBatch`` of B users to logits [B, C].

    The first five arguments are the constants of prepared data, as ``EventShape.to_json`` gives them: see
    :class:`~nni_nasplus.data.events.batch.EventShape`. Without numeric columns the stem has no decisions and
    428,179,752 architectures are left.

    With ``cells`` each encoder layer that has a GRU decides what runs in its place: ``gru``, which is
    :class:`torch.nn.GRU`, or one of the cells, as :func:`~nni_nasplus.spaces.recurrent.cells.cell_of` reads them.
    Recipes become their canonical notation; that of the recipe ``gru``, whose name is taken, is its only name here.
    Networks with cells are not exported to ONNX.

    Parameters
    ----------
    cardinalities
        The number of codes of each categorical column, unknown and missing included.
    n_numeric
        The number of numeric columns.
    n_classes
        The number C of classes.
    max_length
        The most events that a sequence has.
    periods
        The time scales of the data, as fractions in (0, 1] of the span of the training events.
    hidden
        The width of each attention head and of the feed-forward layers.
    dropout
        The rate of dropout, in [0, 0.5]; temporal dropout drops whole steps at twice that rate.
    cells
        Published cells by name, such as lstm, recipes, or genotypes.
    width
        The channels of the stream of events from the stem to the head; 0 for the published width, which is that of the
        embedded columns together and narrow where there are few.
    clock
        What the temporal encoding tells: ``gaps``, those between events and until the last; or ``time`` as well, at the
        periods of the data. Times are learned by heart where users are few.
    poolings
        How the head may pool: the published mean, max and mixed, and last and attention.
    hyperparameters
        What is decided beside the architecture, as choices by name. hidden, dropout, width and clock are the
        network's, in place of the arguments; the others are for the evaluator.
    fixed
        Choices of decisions, or of hyperparameters, that are held: all architectures have them.
    initial
        What searches that learn begin with, in the notation of :meth:`genotype`; what is held, and the field of the
        stem where there are no numeric columns, are made to fit.
    link
        How outputs stand for what is predicted, for pictures: see :mod:`nni_nasplus.data.link`.

    Raises
    ------
    UserError
        If a cell is unknown or given twice, a pooling is unknown, or a hyperparameter is called like a decision.
    """

    notation = (
        "stem kernel and dropout | time encoding | ops (attention, GRU, convolution) and heads of each encoder layer | "
        "self and cross heads of each decoder layer | dropout and pooling, then hyperparameters that are not the first"
    )

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
        width: int = 0,
        clock: Literal["time", "gaps"] = "time",
        poolings: Sequence[str] = POOLINGS,
        hyperparameters: Hyperparameters = NOTHING,
        fixed: Mapping[str, Choice] = NOTHING,
        initial: Sequence[str] = (),
        link: Link = "softmax",
    ) -> None:
        super().__init__()
        self.shape = EventShape(tuple(cardinalities), n_numeric, n_classes, max_length, tuple(periods), link)
        self.sizes = {"hidden": hidden, "dropout": dropout, "width": width, "clock": clock}
        _require_sizes(self.sizes)
        for name in self.sizes:
            for choice in hyperparameters.get(name, ()):
                _require_sizes({name: choice})
        self.cells = _named(cells)
        self.poolings = _known(poolings)
        published = SearchSpace(decisions(n_numeric > 0, self.cells, self.poolings), conditions(self.cells))
        space = self._tuned(published, hyperparameters, fixed)
        self.initial = list(initial)
        self.decide(SearchSpace(space.decisions, space.conditions, [self._fitted(one, space) for one in initial]))

    @classmethod
    def recommended(cls) -> dict[str, Any]:
        """Arguments, beside the sizes of the data, of the space that the command searches."""
        return recommended()

    def _fitted(self, genotype: str, space: SearchSpace) -> Architecture:
        """An initial architecture, as far as the space has it."""
        stem, bar, rest = genotype.partition("|")
        notation, chosen = parted(f"{stem if self.shape.n_numeric else ''}{bar}{rest}", self.hyperparameters)
        found = {**parse(notation, with_cells=bool(self.cells)), **chosen, **self.fixed}
        return space.validate({name: found[name] for name in space.decisions if name in found})

    def _network(self, architecture: Mapping[str, Any]) -> EventSequenceNet:
        return EventSequenceNet(self.shape, architecture, **self._sizes(architecture))

    def _sizes(self, architecture: Mapping[str, Any]) -> dict[str, Any]:
        return {name: architecture.get(name, size) for name, size in self.sizes.items()}

    def supernet(self, *, heads: int = 1, fraction: int = 1, **fixed: Any) -> EventSupernet:
        """A freshly initialised supernet of the ops of the encoder's layers; the other decisions are fixed.

        Unless the space holds something else, the encoder has 4 layers, the temporal encoding is on, and the rest are
        the first choices: no decoder, no dropout, pooling by the mean, and a stem of kernel 1 where there are numeric
        columns. With ``cells`` the layers have the GRU, and so do the architectures derived.

        Parameters
        ----------
        heads
            Of the attention in each layer: 1, 2, 4 or 8.
        fraction
            One in so many channels is computed by the ops of a layer, and the others pass by.
        fixed
            Other choices, as in ``encoder_layers=2, decoder_layers=1, decoder_1_cross_heads=4``; and arguments of the
            space that are to differ from its own, as in ``hidden=4``.

        Raises
        ------
        UserError
            If a decision is unknown or one of a layer of the encoder, or a choice is none of its choices.

        Examples
        --------
        >>> space = EventSequenceSpace()
        >>> space.genotype(space.supernet(encoder_layers=2, pooling="max").derive())
        """
        from nni_nasplus.spaces.events.supernets.encoder import EventSupernet, of_a_layer

        if own := {name: fixed.pop(name) for name in self._arguments if name in fixed}:
            return EventSequenceSpace(**{**self._arguments, **own}).supernet(heads=heads, fraction=fraction, **fixed)
        if heads not in HEADS:
            raise UserError(f"heads is {heads!r}; use 1, 2, 4 or 8")
        if searched := next(filter(of_a_layer, fixed), None):
            raise UserError(
                f"'{searched}' is of one layer, whose op is searched; leave it out, or give heads for all layers"
            )
        first = {name: choices[0] for name, choices in self.search_space.decisions.items()}
        held = {name: choice for name, choice in self.fixed.items() if name in first and not of_a_layer(name)}
        chosen = self.search_space.validate({**first, **_SUPERNET, **held, **fixed})
        more: dict[str, Any] = {"heads": heads, "fraction": fraction, "order": self.search_space.decisions}
        return EventSupernet(self.shape, chosen, **more, **self._sizes(chosen))

    def path_supernet(self, **sizes: Any) -> PathSupernet:
        """A freshly initialised supernet of every decision, whose paths are the networks of the space.

        Widths, heads and layers share weights; hyperparameters of training, such as the learning rate, are the first
        choices.

        Parameters
        ----------
        sizes
            Choices that are held, and arguments of the space that are to differ from its own, as in ``hidden=4``.

        Raises
        ------
        UserError
            If a size is neither, or a choice is none of its choices.

        Examples
        --------
        >>> space = EventSequenceSpace()
        >>> space.genotype(space.path_supernet(encoder_layers=2, pooling="max").derive())
        """
        from nni_nasplus.networks.path_supernet import PathSupernet
        from nni_nasplus.spaces.events.supernets.paths import covering, sharing

        own = {name: sizes.pop(name) for name in self._arguments if name in sizes and name not in self.hyperparameters}
        if own:
            return EventSequenceSpace(**{**self._arguments, **own}).path_supernet(**sizes)
        space = self.search_space.held(sizes)
        shapeless = [name for name in self.hyperparameters if name not in self.sizes]
        return PathSupernet(space, self._network, covering(space), sharing, shapeless=shapeless)

    def extra_oneshot_hooks(self, strategy: Strategy) -> list[Any]:
        """Tell NNI's differentiable one-shot strategies to search the ops of the encoder's layers.

        Raises
        ------
        UserError
            If the strategy draws architectures, most of which differ in more than what the supernet searches.
        """
        from nni.nas.strategy import RandomOneShot

        if isinstance(strategy, RandomOneShot):
            name = type(strategy).__name__
            raise UserError(f"NNI's {name} draws what the supernet of events has fixed; use DARTS or GumbelDARTS")
        return super().extra_oneshot_hooks(strategy)

    @property
    def _arguments(self) -> dict[str, Any]:
        choices = {name: getattr(self, name) for name in ("cells", "poolings", "hyperparameters", "fixed", "initial")}
        return {**self.shape.to_json(), **self.sizes, **choices}

    def example(self) -> EventBatch:
        """Make a batch of one user with a full history."""
        return self.shape.example()

    def _notation(self, architecture: Architecture) -> str:
        """The compact genotype of the published table, such as ``01|1|agc1|44,12|00``; cells, ``agc1{lstm}``."""
        return genotype(architecture)

    def _parsed(self, notation: str) -> Architecture:
        return parse(notation, with_cells=bool(self.cells))

    def summary(self, architecture: Mapping[str, Any]) -> dict[str, Choice]:
        """Tell of stem, encoder, heads, decoder and pooling, and of the size and learning rate where they are decided.

        ``ops`` are the letters of all that the layers of the encoder run, ``heads`` the most in any layer, ``decoder``
        the number of its layers.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        """
        chosen = self.search_space.validate(architecture)
        ops = {letter for name, op in chosen.items() if name.endswith("_op") for letter in str(op)}
        heads = [int(count) for name, count in chosen.items() if name.endswith("_heads")]
        told: dict[str, Choice | None] = {
            "stem_kernel": chosen.get("stem_kernel"),
            "encoder": chosen["encoder_layers"],
            "ops": "".join(letter for letter in "agc" if letter in ops) or NOT_THERE,
            "heads": max(heads, default=0),
            "decoder": chosen["decoder_layers"],
            **{name: chosen.get(name) for name in ("pooling", "hidden", "learning_rate")},
        }
        return {name: value for name, value in told.items() if value is not None}

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the data flow of an architecture, for drawing: see graph.py."""
        return graph(self.search_space.validate(architecture), self.shape)

    def _learned(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """The data flow, and before its beginning a node for each hyperparameter that is decided."""
        flow = self.graph(architecture)
        for name in self._free:
            flow.add_edge(name, "events")
            flow.nodes[name]["label"] = f"{name} {architecture[name]}"
        return flow

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """Boosted trees on aggregates, plain GRUs and plain LSTMs to tune, whatever the winner's size."""
        shape = self.shape.to_json()
        return {
            "boosting": BoostedEvents(**shape),
            "GRU": RecurrentBaselines(**shape, cell="gru"),
            "LSTM": RecurrentBaselines(**shape, cell="lstm"),
        }


def _require_sizes(sizes: Mapping[str, Any]) -> None:
    """Raise :class:`UserError` naming the first size that no network can have."""
    rules: dict[str, tuple[Callable[[Any], bool], str]] = {
        "hidden": (lambda size: _whole(size) and size >= 1, "a whole number from 1 on"),
        "width": (lambda size: _whole(size) and (size == 0 or size >= LEAST_WIDTH), f"0, or {LEAST_WIDTH} or more"),
        "dropout": (lambda rate: isinstance(rate, (int, float)) and 0 <= rate <= _MOST_DROPOUT, "0 to 0.5"),
        "clock": (lambda clock: clock in ("time", "gaps"), "time or gaps"),
    }
    for name, size in sizes.items():
        fits, remedy = rules[name]
        if not fits(size):
            raise UserError(f"{name} is {size!r}; use {remedy}")


def _whole(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool)


def _known(poolings: Sequence[str]) -> list[str]:
    if unknown := [pooling for pooling in poolings if pooling not in ALL_POOLINGS]:
        raise UserError(f"unknown pooling '{unknown[0]}'; use some of {', '.join(ALL_POOLINGS)}")
    return list(poolings)


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
