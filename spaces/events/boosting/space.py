"""The settings of gradient boosting on aggregates, as a space of networks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.data.link import Link
from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.spaces.events.boosting.network import BoostedEventsNet

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["BoostedEvents"]

_DECISIONS = {"learning_rate": (0.05, 0.1), "max_leaf_nodes": (7, 15)}
"""Small trees do better on few users, large ones where columns act together."""
_CODES = ("ordered", "apart")
"""Which is better differs between data, and the two err differently, which is worth something in an ensemble."""
_ERRORS = ("squared", "absolute")
"""Of a number: the mean or the median; with outliers the median of a leaf may be nearer to both."""
_GENOTYPE = re.compile(r"boosting, (\d{1,9}) leaves, rate (\d{0,9}\.?\d{1,9})(, codes apart)?(, absolute error)?")
"""No number is longer: Python refuses to read one of thousands of digits."""


class BoostedEvents(NetworkSpace):
    """Gradient boosting on aggregates of event sequences: an ``EventBatch`` of B users to logits [B, C].

    The arguments are the constants of prepared data, as ``EventShape.to_json`` gives them: see
    :class:`~nni_nasplus.data.events.batch.EventShape`.

    Parameters
    ----------
    cardinalities
        The number of codes of each categorical column, unknown and missing included.
    n_numeric
        The number of numeric columns.
    n_classes
        The number C of classes; 1 where a number is predicted.
    max_length
        The most events that a sequence has.
    periods
        The time scales of the data, as fractions in (0, 1] of the span of the training events.
    link
        How outputs stand for what is predicted, for pictures: see :mod:`nni_nasplus.data.link`.
    """

    trains_in_epochs: ClassVar[bool] = False

    def __init__(
        self,
        cardinalities: Sequence[int] = (100, 20),
        n_numeric: int = 3,
        n_classes: int = 2,
        max_length: int = 128,
        periods: Sequence[float] = (1.0, 0.1, 0.01),
        link: Link = "softmax",
    ) -> None:
        super().__init__()
        self.shape = EventShape(tuple(cardinalities), n_numeric, n_classes, max_length, tuple(periods), link)
        own = {**({"codes": _CODES} if cardinalities else {}), **({"error": _ERRORS} if n_classes == 1 else {})}
        usual = {"learning_rate": 0.1, "max_leaf_nodes": 7}
        initial = [{**usual, **dict(zip(own, chosen, strict=True))} for chosen in product(*own.values())]
        self.decide(SearchSpace({**_DECISIONS, **own}, initial=initial))

    def _network(self, architecture: Mapping[str, Any]) -> BoostedEventsNet:
        return BoostedEventsNet(self.shape, **architecture)

    def example(self) -> EventBatch:
        """Make a batch of one user with a full history."""
        return self.shape.example()

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """Write the settings, such as ``boosting, 15 leaves, rate 0.1, codes apart``."""
        chosen = self.search_space.validate(architecture)
        codes = ", codes apart" if chosen.get("codes") == "apart" else ""
        error = ", absolute error" if chosen.get("error") == "absolute" else ""
        return f"boosting, {chosen['max_leaf_nodes']} leaves, rate {chosen['learning_rate']}{codes}{error}"

    def parse_genotype(self, text: str) -> Architecture:
        """Read the settings of a genotype.

        Raises
        ------
        UserError
            If the text is no genotype of this space.
        """
        found = _GENOTYPE.fullmatch(text)
        if found is None:
            raise UserError(f"genotype {text!r} is no setting of boosting; write 'boosting, 15 leaves, rate 0.1'")
        codes = {"codes": "apart" if found[3] else "ordered"} if found[3] or self.shape.cardinalities else {}
        error = {"error": "absolute" if found[4] else "squared"} if found[4] or self.shape.n_classes == 1 else {}
        chosen = {"max_leaf_nodes": int(found[1]), "learning_rate": float(found[2]), **codes, **error}
        return self.search_space.validate(chosen)

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the data flow, for drawing: events, aggregates, trees, classes."""
        import networkx as nx

        chosen = self.search_space.validate(architecture)
        trees = f"trees of {chosen['max_leaf_nodes']} leaves, learning rate {chosen['learning_rate']}"
        steps = {
            "events": ("events", "input", "events"),
            "aggregates": ("counts, last values, statistics", "op", "aggregates"),
            "trees": (trees, "op", "boosting"),
            "classes": (self.shape.outcome, "output", "boosting"),
        }
        flow: nx.DiGraph = nx.DiGraph()
        for name, (label, kind, layer) in steps.items():
            flow.add_node(name, label=label, kind=kind, layer=layer)
        nx.add_path(flow, steps)
        return flow
