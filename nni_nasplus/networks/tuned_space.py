"""Spaces whose architectures decide hyperparameters too, beside what is published."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from nni_nasplus.networks.hyperparameters import Hyperparameters, parted, tuned, written
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.search.space import Architecture, Choice, SearchSpace

__all__ = ["NOTHING", "TunedSpace"]

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""No hyperparameters, and nothing held."""


class TunedSpace(NetworkSpace):
    """Published decisions, then hyperparameters; what is held has one choice.

    Without hyperparameters, or with all of them held, it has as many architectures as are published, under the
    published notations. The constructor of a subclass decides on what :meth:`_tuned` gives.
    """

    hyperparameters: dict[str, Any]
    fixed: Architecture

    def _tuned(
        self, published: SearchSpace, hyperparameters: Hyperparameters, fixed: Mapping[str, Choice]
    ) -> SearchSpace:
        """All decisions.

        Parameters
        ----------
        published
            The decisions of the architecture.
        hyperparameters
            Choices by name: see :mod:`nni_nasplus.networks.hyperparameters`.
        fixed
            Choices of decisions, or of hyperparameters, that are held.

        Raises
        ------
        UserError
            If a hyperparameter is called like a decision, or what is held is no choice.
        """
        self.hyperparameters, self.fixed = dict(hyperparameters), dict(fixed)
        space = tuned(published, hyperparameters) if hyperparameters else published
        return space.held(fixed) if fixed else space

    @property
    def _free(self) -> Hyperparameters:
        """The hyperparameters that differ between architectures."""
        choices = {name: self.search_space.decisions[name] for name in self.hyperparameters}
        return {name: values for name, values in choices.items() if len(values) > 1}

    @property
    def _first(self) -> dict[str, Any]:
        """The hyperparameters of an architecture whose notation names none."""
        return {name: self.search_space.decisions[name][0] for name in self.hyperparameters}

    @abstractmethod
    def _notation(self, architecture: Architecture) -> str:
        """Write the published decisions of a valid architecture."""

    @abstractmethod
    def _parsed(self, notation: str) -> Architecture:
        """Read the published decisions, which need not be in the space; UserError if the text is no notation."""

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """Write the published notation; hyperparameters that are not the first follow, as in ``… learning_rate=0.01``.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        """
        valid = self.search_space.validate(architecture)
        return written(self._notation(valid), valid, self._free)

    def parse_genotype(self, text: str) -> Architecture:
        """Read what :meth:`genotype` writes; hyperparameters that it does not name are their first choices.

        Raises
        ------
        UserError
            If the text is no genotype of this space.
        """
        notation, chosen = parted(text, self._free)
        return self.search_space.validate({**self._parsed(notation), **self._first, **chosen})
