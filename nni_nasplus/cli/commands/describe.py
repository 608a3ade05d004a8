"""``nasplus describe``: look at an architecture."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from jsonargparse import ArgumentParser
from rich.console import Console
from rich.table import Table

from nni_nasplus import registry
from nni_nasplus.drawing.draw import as_text, draw, require_format
from nni_nasplus.errors import UserError
from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.networks.network_space import NetworkSpace

__all__ = ["run"]


def run(arguments: list[str]) -> None:
    """Parse the space's name, then the options of that space."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--space", default="events")
    kind = registry.load("spaces", first.parse_known_args(arguments)[0].space)
    parser = ArgumentParser(prog="nasplus describe", description=__doc__, exit_on_error=False)
    parser.add_argument("--space", type=str, default="events", help="one of the installed spaces")
    parser.add_argument("--genotype", type=str | None, help="the architecture, in the space's notation")
    parser.add_argument("--decisions", action="store_true", help="print what the genotype says by decision, too")
    parser.add_argument("--to", type=str | None, help="write the picture to a .svg, .png or .pdf file")
    parser.add_argument("--nni", action="store_true", help="print the space as NNI's search-space JSON and end")
    sizes = parser.add_class_arguments(kind)
    options = parser.parse_args(arguments)
    space = kind(**{name: options[name] for name in sizes})
    if options.nni:
        sys.stdout.write(json.dumps(space.search_space.to_json(), indent=2) + "\n")
        return
    if options.genotype is None:
        raise UserError("--genotype is missing; name an architecture, or print the space with --nni")
    describe(space, options.genotype, options.to, decisions=options.decisions)


def describe(space: NetworkSpace, genotype: str, to: str | None, *, decisions: bool = False) -> None:
    """Print the genotype, its decisions if asked, parameters, operations and a drawing."""
    if to is not None:
        require_format(to)
    architecture = space.parse_genotype(genotype)
    network = space.build(architecture)
    console = Console()
    console.print(f"genotype: {space.genotype(architecture)}", highlight=False, markup=False, soft_wrap=True)
    if decisions:
        console.print(_table(architecture))
    console.print(f"parameters: {count_parameters(network):,}", highlight=False)
    console.print(f"FLOPs, one example: {count_flops(network, space.example()):,}", highlight=False)
    graph = space.graph(architecture)
    console.print(as_text(graph), highlight=False, markup=False)
    if to is not None:
        draw(graph, to, genotype)


def _table(architecture: dict[str, Any]) -> Table:
    table = Table("decision", "choice")
    for name, choice in architecture.items():
        table.add_row(name, str(choice))
    return table
