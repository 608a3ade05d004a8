"""Genotypes of convolutional cells: which operation each node applies to which earlier state.

States 0 and 1 are the outputs of the two cells before, state i + 2 is node i: the sum of two operations on earlier
states. The notation is ``sep3~0,sep3~1|skip~0,dil3~2/max3~0,max3~1|…``: an edge is an operation and its input, nodes
are separated by ``|``, the normal cell from the reduce cell by ``/``. A cell outputs all its nodes concatenated unless
``>4,5,6`` after its nodes says which states.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from nni_nasplus.errors import UserError

__all__ = ["KINDS", "OPERATIONS", "CellGenotype", "Genotype"]

KINDS = ("normal", "reduce")
OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""Those of the DARTS space in the published order, ``none`` left out."""
_SHORT = {
    "max3": "max_pool_3x3",
    "avg3": "avg_pool_3x3",
    "skip": "skip_connect",
    "sep3": "sep_conv_3x3",
    "sep5": "sep_conv_5x5",
    "sep7": "sep_conv_7x7",
    "dil3": "dil_conv_3x3",
    "dil5": "dil_conv_5x5",
    "conv7": "conv_7x1_1x7",
}
_LONG = {name: short for short, name in _SHORT.items()}
_MOST_NODES = 100
_SYNTAX = "write a published name, nodes such as sep3~0,skip~1|…/…, or Genotype(normal=[('sep_conv_3x3', 0), …], …)"

Edge = tuple[str, int]


@dataclass(frozen=True)
class CellGenotype:
    """A cell of N nodes.

    Parameters
    ----------
    edges
        2·N pairs of an operation and its input, two for each node in order.
    concat
        The states that are concatenated to the output.

    Raises
    ------
    UserError
        If an operation is unknown, a node has no two edges, an input is not earlier, or ``concat`` names no node.
    """

    edges: tuple[Edge, ...]
    concat: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.edges or len(self.edges) % 2:
            raise UserError(f"a cell has {len(self.edges)} edges; give two to each node, one node at the least")
        for position, (operation, source) in enumerate(self.edges):
            node = position // 2
            if operation not in _LONG:
                raise UserError(f"unknown operation '{operation}'; use one of {', '.join(_LONG)}")
            if not 0 <= source < node + 2:
                raise UserError(f"node {node} takes state {source}; use an earlier one, 0 to {node + 1}")
        distinct = set(self.concat)
        if not distinct or len(distinct) < len(self.concat) or not distinct <= set(_all(self.nodes)):
            raise UserError(f"a cell concatenates states {self.concat}; use distinct ones, 2 to {self.nodes + 1}")

    @property
    def nodes(self) -> int:
        """N."""
        return len(self.edges) // 2

    def pair(self, node: int) -> tuple[Edge, Edge]:
        """The two edges of a node."""
        return self.edges[2 * node], self.edges[2 * node + 1]

    def __str__(self) -> str:
        words = [f"{_LONG[operation]}~{source}" for operation, source in self.edges]
        nodes = "|".join(f"{a},{b}" for a, b in zip(words[::2], words[1::2], strict=True))
        return nodes if self.concat == _all(self.nodes) else f"{nodes}>{','.join(map(str, self.concat))}"

    @classmethod
    def parse(cls, text: str) -> CellGenotype:
        """Read the notation of one cell; operations also by their full names."""
        nodes, _, concat = text.partition(">")
        edges = [node.split(",") for node in nodes.split("|")]
        for number, words in enumerate(edges):
            if len(words) != 2:
                raise UserError(f"node {number} has {len(words)} edges, '{','.join(words)}'; give it two")
        states = tuple(_number(word) for word in concat.split(",")) if concat else _all(len(edges))
        return cls(tuple(_edge(word) for words in edges for word in words), states)


@dataclass(frozen=True)
class Genotype:
    """A normal and a reduce cell."""

    normal: CellGenotype
    reduce: CellGenotype

    def cell(self, kind: str) -> CellGenotype:
        """The cell of a kind, ``normal`` or ``reduce``."""
        return {"normal": self.normal, "reduce": self.reduce}[kind]

    def __str__(self) -> str:
        return f"{self.normal}/{self.reduce}"

    @classmethod
    def parse(cls, text: str) -> Genotype:
        """Read the notation above, or the papers' ``Genotype(normal=[(op, input), …], normal_concat=[…], …)``.

        Raises
        ------
        UserError
            If the text is neither, or a cell is not whole.
        """
        if "normal" in text:
            return _published(text)
        cells = "".join(text.split()).split("/")
        if len(cells) != 2:
            raise UserError(f"'{text}' has {len(cells)} cells, not 2; {_SYNTAX}")
        return cls(*map(CellGenotype.parse, cells))


def _all(nodes: int) -> tuple[int, ...]:
    return tuple(range(2, nodes + 2))


def _edge(word: str) -> Edge:
    operation, tilde, source = word.partition("~")
    if not tilde:
        raise UserError(f"'{word}' is no edge; write an operation and its input, such as sep3~0")
    return _SHORT.get(operation, operation), _number(source)


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 4):
        raise UserError(f"'{word}' is no number of a state; write 0 for the cell before the last, 1 for the last, …")
    return int(word)


def _published(text: str) -> Genotype:
    """The form of the papers' code, read as literals: nothing is called."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError
        fields = {str(keyword.arg): _literal(keyword.value) for keyword in call.keywords}
        cells = [CellGenotype(_edges(fields[kind]), tuple(fields[f"{kind}_concat"])) for kind in KINDS]
    except UserError:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, SyntaxError, RecursionError, MemoryError):
        raise UserError(f"'{text[:60]}' is no genotype; {_SYNTAX}") from None
    return Genotype(*cells)


def _edges(written: Any) -> tuple[Edge, ...]:
    """Edges in a row or by node; GDAS also writes a weight to each, which is left out."""
    flat: list[Any] = []
    for entry in written:
        flat.extend([entry] if isinstance(entry[0], str) else entry)
    return tuple((str(operation), int(source)) for operation, source, *_ in flat)


def _literal(node: ast.expr) -> Any:
    """A literal, or ``range(a, b)``, which some papers write for their concatenation."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        states = range(*map(ast.literal_eval, node.args))
        if len(states) > _MOST_NODES:
            raise ValueError
        return states
    return ast.literal_eval(node)
