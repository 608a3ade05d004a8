"""Supernets of every decision of a space, computed one architecture at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.supernet import Edge, Supernet, Terms, supernet_of
from nni_nasplus.networks.weight_bank import Sharing, WeightBank
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["PathSupernet", "path_supernet_of"]

_DECISIONS = "decisions"
_NUMBERS = re.compile(r"[0-9]+")


class PathSupernet(Supernet):
    """The networks of a space with shared weights: each edge is a decision, and its operations are the choices.

    What is computed is the very network that the space builds, whose weights are lent by a
    :class:`~nni_nasplus.networks.weight_bank.WeightBank`: so a path computes what a stand-alone network with the same
    weights does, and what an architecture leaves out is not there. Mixtures of choices are refused.

    Parameters
    ----------
    space
        The decisions; each is an edge.
    make
        Makes the network of an architecture.
    covering
        Architectures whose networks together have all weights.
    sharing
        See :class:`~nni_nasplus.networks.weight_bank.WeightBank`.
    shapeless
        Decisions that change no network, such as a learning rate: only their first choice is alive.
    """

    alone: nn.Module | None

    def __init__(
        self,
        space: SearchSpace,
        make: Callable[[Mapping[str, Any]], nn.Module],
        covering: Iterable[Architecture],
        sharing: Sharing,
        *,
        shapeless: Collection[str] = (),
    ) -> None:
        choices = [(name, choice) for name, known in space.decisions.items() for choice in known]
        edges = [Edge(_DECISIONS, place, place + 1) for place in range(len(space.decisions))]
        super().__init__(edges, [f"{name}={choice}" for name, choice in choices])
        self.space, self.alone = space, None
        self._choices, self._make = choices, make
        self.bank = WeightBank(map(make, covering), sharing)
        names = list(space.decisions)
        owners = torch.tensor([names.index(name) for name, _ in choices], device="cpu")
        self.masks[_DECISIONS] &= owners == torch.arange(len(names), device="cpu").unsqueeze(1)
        for name in shapeless:
            row = self.masks[_DECISIONS][names.index(name)]
            row[row.nonzero()[1:]] = False

    @property
    def alive_space(self) -> SearchSpace:
        """The space of its paths: a decision with one choice that is alive has that one."""
        alive = self.masks[_DECISIONS]
        single = [self._choices[int(row.nonzero())] for row in alive if int(row.sum()) == 1]
        return self.space.held({name: choice for name, choice in single if name in self.space.decisions})

    def network_of(self, architecture: Mapping[str, Any]) -> nn.Module:
        """Make the network of an architecture, whose weights are parts of those shared as they are now.

        Its ``state_dict`` is what the network that the space builds takes over.
        """
        with torch.random.fork_rng(devices=[]):  # torch initialises on the CPU in half the time that it needs on meta
            network = self._make(architecture).to(next(self.bank.parameters()).device)
        self.bank.lend(network)
        return network.train(self.training)

    def _run(self, x: Any, terms: Mapping[str, Sequence[Terms]]) -> Tensor:
        network = self.alone or self.network_of(self._named_by([given.active for given in terms[_DECISIONS]]))
        output: Tensor = network(x)
        return output

    @contextmanager
    def only(self, architecture: Mapping[str, Any]) -> Iterator[None]:
        """For a while the network of one architecture, which is a module of the supernet."""
        before = self.alone
        with super().only(architecture):
            self.alone = self.network_of(architecture)
            try:
                yield
            finally:
                self.alone = before

    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The choice of each decision that the architecture has."""
        decisions = zip(self.edges, self.space.decisions, strict=True)
        return [(edge, f"{name}={architecture[name]}") for edge, name in decisions if name in architecture]

    def kinds(self, cell: str) -> list[Hashable]:
        """Decisions are alike that are called the same but for numbers, and have the same choices."""
        return [(_NUMBERS.sub("", name), choices) for name, choices in self.space.decisions.items()]

    def derive(self, weights: Mapping[str, Tensor] | None = None) -> Architecture:
        """Of each decision the choice that weighs most; those that the others leave out do not count."""
        best = self._preferred(weights)[_DECISIONS].argmax(-1).tolist()
        return self.space.validate(dict(self._choices[place] for place in best))

    def _named_by(self, active: Sequence[Sequence[str]]) -> Architecture:
        """The architecture of the choices that are active; none where a decision is left out."""
        if any(len(choices) > 1 for choices in active):
            raise UserError("this supernet computes one path at a time; search it by paths, as spos and rsps do")
        places = [self.operations.index(choice) for choices in active for choice in choices]
        return self.space.validate(dict(self._choices[place] for place in places))


def path_supernet_of(space: Any, **sizes: Any) -> Supernet:
    """A freshly initialised supernet for paths: of every decision, where the space has such, else of its operations.

    Parameters
    ----------
    sizes
        What is to differ from the space, or is held.

    Raises
    ------
    UserError
        If the space has no supernet, or its supernet no such size.
    """
    if not hasattr(space, "path_supernet"):
        return supernet_of(space, **sizes)
    supernet: Supernet = space.path_supernet(**sizes)
    return supernet
