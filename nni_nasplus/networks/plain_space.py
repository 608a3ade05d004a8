"""Plain networks of the field, to stand beside a search: a name, and what people tune of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

from nni_nasplus.errors import UserError
from nni_nasplus.networks.hyperparameters import Hyperparameters, parted, written
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.search.space import Architecture, SearchSpace

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["PlainSpace"]


class PlainSpace(NetworkSpace):
    """Networks of one name that differ in what is tuned.

    The constructor of a subclass ends with :meth:`_tune`; :meth:`_network` makes its networks, and :meth:`_steps` says
    what they do.
    """

    title: str
    choices: Hyperparameters

    def _tune(self, title: str, choices: Hyperparameters) -> None:
        """Decide on these choices.

        Parameters
        ----------
        title
            What notations call the network.
        choices
            By name; the first of each is what people would try first.
        """
        self.title, self.choices = title, dict(choices)
        first = {name: values[0] for name, values in choices.items()}
        self.decide(SearchSpace(choices, initial=[first]))

    def tried_at(self, learning_rate: float) -> PlainSpace:
        """The same networks, of which this learning rate is tried first; as they are where they are not told of any."""
        if "learning_rate" not in signature(type(self)).parameters:
            return self
        return type(self)(**{**self.trace_kwargs, "learning_rate": learning_rate})

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """Write the choices that are not the first, as in ``GRU hidden=128 learning_rate=0.01``."""
        return written(self.title, self.search_space.validate(architecture), self.choices)

    def parse_genotype(self, text: str) -> Architecture:
        """Read what :meth:`genotype` writes; what it does not name is its first choice.

        Raises
        ------
        UserError
            If it names another network, or another choice.
        """
        title, chosen = parted(text, self.choices)
        if title != self.title:
            name = list(self.choices)[-1]
            remedy = f"write '{self.title} {name}={self.choices[name][0]}'"
            raise UserError(f"genotype {text!r} is no plain {self.title}; {remedy}")
        return self.search_space.validate(chosen)

    def _steps(self, architecture: Architecture) -> Sequence[str]:
        """What data go through, from the input to the output, in words."""
        raise NotImplementedError

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the data flow of an architecture, for drawing: one step after the other."""
        import networkx as nx

        first, *between, last = self._steps(self.search_space.validate(architecture))
        kinds = {first: "input", **dict.fromkeys(between, "op"), last: "output"}
        flow: nx.DiGraph = nx.DiGraph()
        for name, kind in kinds.items():
            flow.add_node(name, label=name, kind=kind, layer=name)
        nx.add_path(flow, kinds)
        return flow
