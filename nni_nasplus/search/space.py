"""Search spaces: ordered, named categorical decisions, some of them active only under others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.registry import installed
from nni_nasplus.search.decisions.checks import listed, require_consistent, require_decisions
from nni_nasplus.search.decisions.choice_features import ChoiceFeatures
from nni_nasplus.search.decisions.counting import Diagram, UncountableError
from nni_nasplus.search.decisions.keys import Keys
from nni_nasplus.search.decisions.plan import Plan
from nni_nasplus.search.decisions.space_format import choices_in, choices_of, require_parameters, written

if TYPE_CHECKING:
    import networkx as nx
    from nni.mutable import Mutable

__all__ = ["Architecture", "Choice", "SearchSpace", "require_decisions"]

Choice = str | int | float | bool
Architecture = dict[str, Choice]
"""The active decisions of one architecture, in the space's order: its canonical form."""


class SearchSpace:
    """An ordered set of named categorical decisions with scalar choices and conditions.

    Parameters
    ----------
    decisions
        Choices by decision name, in order; each at least one str, int, float or bool.
    conditions
        By decision: the parents it depends on, and the choices of each under which it is active. All parents
        must be active and match. A parent comes before its children.
    initial
        Architectures that people use already, or that did well elsewhere: searches that learn begin with them.

    Raises
    ------
    UserError
        If a decision has no or repeated choices, a condition names a later or unknown decision or choice, or an initial
        architecture is not in the space.

    Examples
    --------
    >>> space = SearchSpace(
    ...     {"op": ["conv", "attention"], "heads": [1, 2, 4]},
    ...     conditions={"heads": {"op": ["attention"]}},
    ... )
    >>> space.size
    4
    >>> space.validate({"op": "conv", "heads": 2})
    {'op': 'conv'}
    """

    sampled_prior: bool = False
    """Whether :meth:`sample` draws what tends to work, and hardly ever what does not: strategies then keep to samples,
    and to neighbours of what was trained."""

    drawn_by: Callable[[], Callable[[Mapping[str, Any]], nx.DiGraph] | None] = staticmethod(lambda: None)
    """Gives :attr:`drawn` when it is asked for: a space that was read from JSON knows its networks by this alone."""

    def __init__(
        self,
        decisions: Mapping[str, Sequence[Choice]],
        conditions: Mapping[str, Mapping[str, Sequence[Choice]]] | None = None,
        initial: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.decisions = {name: tuple(choices) for name, choices in decisions.items()}
        self.conditions = {
            name: {parent: tuple(allowed) for parent, allowed in parents.items()}
            for name, parents in (conditions or {}).items()
            if parents
        }
        require_consistent(self.decisions, self.conditions)
        self._index = {
            name: {choice: i for i, choice in enumerate(choices)} for name, choices in self.decisions.items()
        }
        self._plan = Plan(self.decisions, self.conditions)
        self._initial = [self.validate(architecture) for architecture in initial]

    def held(self, choices: Mapping[str, Choice]) -> SearchSpace:
        """The part of the space that has these choices; decisions that can no longer count are left out.

        Raises
        ------
        UserError
            If there is no such decision or choice.
        """
        decisions: dict[str, tuple[Choice, ...]] = {}
        conditions: dict[str, dict[str, list[Choice]]] = {}
        require_decisions(choices)
        if unknown := [name for name in choices if name not in self.decisions]:
            raise UserError(f"unknown decision '{unknown[0]}'; decisions: {listed(self.decisions)}")
        for name, all_choices in self.decisions.items():
            parents = self.conditions.get(name, {})
            left = {parent: [c for c in ok if c in decisions.get(parent, ())] for parent, ok in parents.items()}
            if all(left.values()):
                conditions[name] = left
                decisions[name] = (
                    (all_choices[self._position(name, choices[name])],) if name in choices else all_choices
                )
        return SearchSpace(decisions, conditions)

    @property
    def whole(self) -> SearchSpace:
        """The space that the architectures are of: itself, unless it holds some of another's."""
        return self

    @property
    def initial(self) -> Sequence[Architecture]:
        """Architectures that searches that learn begin with."""
        return self._initial

    @cached_property
    def _diagram(self) -> Diagram | None:
        try:
            return Diagram(self.decisions, self.conditions)
        except UncountableError:
            return None

    @property
    def size(self) -> int | None:
        """The number of distinct architectures; None where the conditions are too entangled to count."""
        return None if self._diagram is None else self._diagram.size

    def sample(
        self, rng: np.random.Generator, uniform: Literal["decision", "architecture"] = "decision"
    ) -> Architecture:
        """Draw an architecture: each active decision uniform, or uniform over all distinct architectures.

        Raises
        ------
        UserError
            For ``uniform="architecture"`` if the space cannot count itself.
        """
        if uniform == "architecture":
            if self._diagram is None:
                raise UserError("this space cannot count itself; sample it with uniform='decision'")
            return self._diagram.sample(rng)
        return self._plan.completed({}, rng)

    def is_active(self, name: str, architecture: Mapping[str, Any]) -> bool:
        """Whether a decision exists under the earlier decisions of an architecture."""
        parents = self.conditions.get(name, {})
        return all(parent in architecture and architecture[parent] in allowed for parent, allowed in parents.items())

    def validate(self, architecture: Mapping[str, Any]) -> Architecture:
        """Return the canonical form: active decisions only, in order, with the space's own choice values.

        Raises
        ------
        UserError
            Names the unknown or missing decision, or the wrong choice and the allowed ones.
        """
        require_decisions(architecture)
        if not architecture.keys() <= self.decisions.keys():
            unknown = [name for name in architecture if name not in self.decisions]
            raise UserError(f"unknown decision '{unknown[0]}'; decisions: {listed(self.decisions)}")

        def choose(name: str, choices: Sequence[Choice]) -> Choice:
            if name not in architecture:
                raise UserError(f"decision '{name}' is missing; allowed: {listed(choices)}")
            return choices[self._position(name, architecture[name])]

        return self._plan.decided(choose)

    def _position(self, name: str, value: Any) -> int:
        try:
            return self._index[name][value]
        except (KeyError, TypeError):
            allowed = listed(self.decisions[name])
            raise UserError(f"decision '{name}' cannot be {value!r}; allowed: {allowed}") from None

    def key(self, architecture: Mapping[str, Any]) -> str:
        """A stable hash of the canonical form (16 hexadecimal digits): equal for equal architectures only."""
        return self.key_of(self.validate(architecture))

    def key_of(self, canonical: Architecture) -> str:
        """The :meth:`key` of an architecture that is known to be in canonical form, in a tenth of the time."""
        return self._keys.of(canonical)

    @cached_property
    def _keys(self) -> Keys:
        return Keys(self.decisions)

    def mutate(self, architecture: Mapping[str, Any], rng: np.random.Generator) -> Architecture:
        """Change one active decision, drawn uniformly, to another of its choices; draw what that activates.

        Raises
        ------
        UserError
            If no active decision has a second choice.
        """
        current = self.validate(architecture)
        names = [name for name in current if len(self.decisions[name]) > 1]
        if not names:
            raise UserError("the architecture has no decision with a second choice; nothing can be mutated")
        name = names[rng.integers(len(names))]
        others = [choice for choice in self.decisions[name] if choice != current[name]]
        return self._plan.changed(current, name, others[rng.integers(len(others))], rng)

    def crossed(self, one: Mapping[str, Any], other: Mapping[str, Any], rng: np.random.Generator) -> Architecture:
        """Take each decision from either architecture, drawn; draw what neither of them has."""
        parents = self.validate(one), self.validate(other)
        taken = rng.integers(2, size=len(self.decisions)).tolist()
        choices: Architecture = {}
        for name, first in zip(self.decisions, taken, strict=True):
            for parent in (parents[first], parents[1 - first]):
                if name in parent:
                    choices.setdefault(name, parent[name])
        return self._plan.completed(choices, rng)

    def neighbours(self, architecture: Mapping[str, Any], rng: np.random.Generator) -> Iterator[Architecture]:
        """Yield one architecture for each other choice of each active decision; draw what that activates."""
        current = self.validate(architecture)
        for name, value in current.items():
            for choice in self.decisions[name]:
                if choice != value:
                    yield self._plan.changed(current, name, choice, rng)

    def encode(self, architecture: Mapping[str, Any]) -> np.ndarray:
        """One-hot code, float64 of length ``width``; the columns of inactive decisions are 0."""
        canonical = self.validate(architecture)
        code = np.zeros(self.width)
        offset = 0
        for name, choices in self.decisions.items():
            if name in canonical:
                code[offset + self._index[name][canonical[name]]] = 1.0
            offset += len(choices)
        return code

    @property
    def width(self) -> int:
        """The length of the one-hot code: the number of choices of all decisions."""
        return sum(map(len, self.decisions.values()))

    def features(self, architectures: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """What a predictor learns from, float64 [architectures, features]: see :class:`ChoiceFeatures`.

        Parameters
        ----------
        architectures
            In canonical form.
        """
        return self._choice_features.of(architectures)

    @cached_property
    def feature_groups(self) -> np.ndarray:
        """The group of every feature, int [features]: see :attr:`ChoiceFeatures.groups`."""
        return self._choice_features.groups

    @cached_property
    def drawn(self) -> Callable[[Mapping[str, Any]], nx.DiGraph] | None:
        """What :meth:`graph` is; spaces of networks set it."""
        return self.drawn_by()

    @property
    def has_graph(self) -> bool:
        """Whether :meth:`graph` is more than a chain."""
        return self.drawn is not None

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """What predictors of graphs learn from: the graph that a space of networks draws, or else a chain of choices.

        Parameters
        ----------
        architecture
            In canonical form.

        Returns
        -------
        A graph without cycles. Nodes have a ``label`` in words; in the graph of cells, whose nodes have a ``cell`` as
        well, edges have one too.
        """
        import networkx as nx

        if self.drawn is not None:
            return self.drawn(architecture)
        chain: nx.DiGraph = nx.DiGraph()
        for name, choice in architecture.items():
            chain.add_node(name, label=f"{name} {choice}")
        chain.add_edges_from(pairwise(architecture))
        return chain

    @cached_property
    def _choice_features(self) -> ChoiceFeatures:
        return ChoiceFeatures(self.decisions)

    def __iter__(self) -> Iterator[Architecture]:
        """Every architecture once, in order of its decisions."""
        return self._plan.all()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SearchSpace) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        size = "uncounted" if self.size is None else f"{self.size:,}"
        return f"{type(self).__name__}({len(self.decisions)} decisions, {size} architectures)"

    def to_json(self) -> dict[str, dict[str, Any]]:
        """NNI's search-space format, ``{name: {"_type": "choice", "_value": […]}}``, with conditions as ``_when``.

        The initial architectures are at the first decision, as ``_initial``. A subclass leaves its class path there, as
        ``_space``; it must take no arguments.
        """
        space = written(self.decisions, self.conditions, self._initial)
        if type(self) is not SearchSpace:
            next(iter(space.values()))["_space"] = f"{type(self).__module__}.{type(self).__qualname__}"
        return space

    @classmethod
    def from_json(cls, space: Mapping[str, Mapping[str, Any]]) -> SearchSpace:
        """Read NNI's search-space format.

        Raises
        ------
        UserError
            If it has another form, a parameter is not a ``choice``, or the class of the space is not installed.
        """
        require_parameters(space)
        if path := next(iter(space.values()), {}).get("_space"):
            return _made(path)
        return cls(*choices_in(space))

    @classmethod
    def from_nni(cls, model_space: Mutable) -> SearchSpace:
        """Read the decisions off an NNI ``ModelSpace``, and conditions off its ``conditions`` attribute if any.

        Raises
        ------
        UserError
            If a mutable is not a ``Categorical`` (``nni.choice``, ``LayerChoice``, ``Repeat``) of scalars.
        """
        return cls(*choices_of(model_space))


def _made(path: str) -> SearchSpace:
    made: Callable[[], SearchSpace] = installed(path, SearchSpace)
    try:
        return made()
    except TypeError:
        raise UserError(f"'{path}' cannot be made without arguments; it is no _space of a search") from None
