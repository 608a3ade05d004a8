"""Spaces of networks: NNI ``ModelSpace`` modules that any strategy can search and any host can build."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import nni
from nni.mutable import ensure_frozen
from nni.nas.nn.pytorch import ModelSpace
from nni.nas.space import current_model, model_context
from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.weights import load_weights
from nni_nasplus.search.space import Architecture, Choice, SearchSpace
from nni_nasplus.search.summary import MOST, summarised

if TYPE_CHECKING:
    import networkx as nx
    from nni.nas.strategy import Strategy

__all__ = ["NetworkSpace"]

Space = TypeVar("Space", bound="NetworkSpace")


class NetworkSpace(ModelSpace):
    """An NNI ``ModelSpace`` of labelled scalar choices, with what the hosts and commands ask of a space.

    The constructor of a subclass ends with ``self.decide(space)``, and :meth:`_network` makes its networks. A
    ``ModelSpace`` of NNI's own, which registers its decisions with ``self.add_mutable(nni.choice(label, choices))``,
    becomes one by this second base: its network is then the module itself, and it may declare ``conditions`` (see
    :class:`~nni_nasplus.search.space.SearchSpace`).

    A space has ``net``, the network of the architecture in whose context NNI makes it. Without one, when it is only
    searched, there is no network yet and none of its memory is taken.
    """

    trains_in_epochs: ClassVar[bool] = True
    """Whether trainings of its networks can be paused and go on; False where they are fitted at once."""

    notation: ClassVar[str] = ""
    """What the parts of a genotype are, in a line for those who read one; empty where it says so itself."""

    conditions: Mapping[str, Mapping[str, Any]] = {}
    net: nn.Module

    def __init_subclass__(cls, **options: Any) -> None:
        """Let the constructor, which NNI wraps in one that takes anything, show its own arguments and their types."""
        super().__init_subclass__(**options)
        if "_init_wrapped" in vars(cls):
            update_wrapper(vars(cls)["__init__"], vars(cls)["_init_wrapped"])

    @cached_property
    def search_space(self) -> SearchSpace:
        """The decisions, host-independent."""
        return SearchSpace.from_nni(self)

    def decide(self, space: SearchSpace) -> None:
        """Register the decisions of a space, and make the network of the architecture in whose context NNI is.

        The constructor of a subclass ends with it.
        """
        self.search_space, self.conditions = space, space.conditions
        space.drawn = None if type(self).graph is NetworkSpace.graph else self._learned
        chosen = self._registered(space)
        make = partial(self._network, chosen)
        self.net = _Unbuilt(make) if current_model() is None else make()

    def _registered(self, space: SearchSpace) -> Architecture:
        """Register every decision; the active ones with their values in NNI's context."""
        active: Architecture = {}
        for name, choices in space.decisions.items():
            choice = self.add_mutable(nni.choice(name, list(choices)))
            if space.is_active(name, active):
                active[name] = ensure_frozen(choice)
        return active

    def _network(self, architecture: Mapping[str, Any]) -> nn.Module:
        """Make the network of a valid architecture; by default it is the space itself in NNI's context."""
        return self.freeze(architecture)

    def forward(self, *inputs: Any) -> Any:
        """Give inputs to the network; without NNI's context, in a dry run, to that of every first choice."""
        return self.net(*inputs)

    def freeze(self: Space, sample: Mapping[str, Any]) -> Space:
        """Make the space in the context of a sample, which may leave out or keep inactive decisions: NNI asks for it.

        Parameters
        ----------
        sample
            Choices by decision; they are not validated.

        Returns
        -------
        A space of the same arguments, whose ``net`` is the network of the sample. Torch's global generator draws its
        weights.
        """
        with model_context(dict(sample)):
            return type(self)(*self.trace_args, **self.trace_kwargs)

    def build(self, architecture: Mapping[str, Any]) -> nn.Module:
        """Make the network of one architecture; torch's global generator draws its weights.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        """
        return self._network(self.search_space.validate(architecture))

    def trained(self, architecture: Mapping[str, Any], weights: Path) -> nn.Module:
        """Make the network of one architecture with the weights of a ``.safetensors`` file.

        Raises
        ------
        UserError
            If the architecture is not in the space, or the file is absent, damaged, or of another architecture.
        """
        network = self.build(architecture)
        load_weights(network, weights)
        return network

    def extra_oneshot_hooks(self, strategy: Strategy) -> list[Any]:
        """Tell NNI's one-shot strategies to search the supernet, if the space has one: see ``nni_supernets.py``.

        Raises
        ------
        UserError
            If the strategy needs choices of single layers.
        """
        from nni_nasplus.networks.nni_supernets import one_shot_hooks

        return one_shot_hooks(self, strategy) if hasattr(self, "supernet") else []

    def example(self) -> Any:
        """Make an input of one example, of the largest size, for counting operations and for export."""
        raise NotImplementedError

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """Write an architecture as a compact text.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        """
        return json.dumps(self.search_space.validate(architecture), separators=(",", ":"))

    def parse_genotype(self, text: str) -> Architecture:
        """Read the architecture of a genotype.

        Raises
        ------
        UserError
            If the text is no genotype of this space.
        """
        try:
            architecture = json.loads(text)
        except (ValueError, RecursionError):
            raise UserError(f"genotype {text!r} is no JSON object of decisions") from None
        return self.search_space.validate(architecture)

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the data flow of an architecture, for drawing: nodes have a ``label`` and a ``kind``."""
        raise NotImplementedError

    def summary(self, architecture: Mapping[str, Any]) -> dict[str, Choice]:
        """Tell of an architecture in at most eight numbers and words: the axes that a web UI compares trials by.

        By default how often each operation occurs among the decisions of :meth:`_telling`, then the single ones; last
        comes ``depth``, the edges of the longest path in the drawing, if there is one and no decision of that name.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        """
        valid = self.search_space.validate(architecture)
        depth = self._depth(valid)
        most = MOST - (depth is not None)
        found = summarised(self.search_space, valid, self._telling(), most)
        return found if depth is None else {**found, "depth": depth}

    def _telling(self) -> Iterable[str]:
        """The decisions that :meth:`summary` tells of: leave out those that say little by themselves."""
        return self.search_space.decisions

    def _depth(self, architecture: Architecture) -> int | None:
        import networkx as nx

        if "depth" in self.search_space.decisions:
            return None
        try:
            return int(nx.dag_longest_path_length(self.graph(architecture), weight=None))
        except NotImplementedError:
            return None

    def _learned(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """What predictors learn from: the graph that is drawn, unless it does not show all that is decided."""
        return self.graph(architecture)

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """Plain networks for the same data, or spaces of such, to train beside what a search found; here none.

        Parameters
        ----------
        winner
            The best network found, whose number of parameters they may match.

        Returns
        -------
        By name a freshly initialised network, whose weights torch's global generator draws, or a space whose choices
        are to be tuned.
        """
        return {}


class _Unbuilt(nn.Module):
    """Stands for a network that nobody has asked for, where NNI's one-shot strategies look for a module to replace."""

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.make = make

    def forward(self, *inputs: Any) -> Any:
        if not hasattr(self, "network"):
            self.network = self.make().train(self.training)
        return self.network(*inputs)
