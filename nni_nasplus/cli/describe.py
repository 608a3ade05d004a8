"""``nasplus describe``: look at an architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
from jsonargparse import ArgumentParser
from rich.console import Console
from rich.table import Table

from nni_nasplus import registry
from nni_nasplus.cost import count_flops, count_parameters
from nni_nasplus.drawing import draw
from nni_nasplus.errors import UserError
from nni_nasplus.model_space import SearchableSpace

__all__ = ["run"]


def run(arguments: list[str]) -> None:
    """Parse the space's name, then the options of that space."""
    first = ArgumentParser(add_help=False, exit_on_error=False)
    first.add_argument("--space", type=str, default="events")
    named, _ = first.parse_known_args(arguments)
    kind = registry.load("spaces", named.space)
    parser = ArgumentParser(prog="nasplus describe", description=__doc__, exit_on_error=False)
    parser.add_argument("--space", type=str, default="events", help="one of the installed spaces")
    parser.add_argument("--genotype", type=str, required=True, help="the architecture, in the space's notation")
    parser.add_argument("--to", type=str, default=None, help="write the picture to a .svg or .png file")
    parser.add_function_arguments(kind._init_wrapped, "sizes", skip={"self"}, as_group=True)
    _shorten(parser)
    options = parser.parse_args(arguments)
    describe(kind(**options.sizes.as_dict()), options.genotype, options.to)


def _shorten(parser: ArgumentParser) -> None:
    """Let ``--hidden`` stand for ``--sizes.hidden``."""
    for action in list(parser._actions):
        for name in list(action.option_strings):
            if name.startswith("--sizes."):
                short = "--" + name.removeprefix("--sizes.")
                action.option_strings = [short]
                parser._option_string_actions[short] = action


def describe(space: SearchableSpace, genotype: str, to: str | None) -> None:
    """Print decisions, parameters, operations and a drawing."""
    if to is not None and Path(to).suffix not in (".svg", ".png"):
        raise UserError(f"--to is {to}; end it in .svg or .png")
    architecture = space.parse_genotype(genotype)
    network = space.build(architecture)
    console = Console()
    console.print(_table(architecture))
    console.print(f"parameters: {count_parameters(network):,}", highlight=False)
    console.print(f"FLOPs, one example: {count_flops(network, space.example()):,}", highlight=False)
    graph = space.graph(architecture)
    for line in nx.generate_network_text(graph, ascii_only=False):
        console.print(line, highlight=False, markup=False)
    if to is not None:
        draw(graph, to, genotype)


def _table(architecture: dict[str, Any]) -> Table:
    table = Table("decision", "choice")
    for name, choice in architecture.items():
        table.add_row(name, str(choice))
    return table
