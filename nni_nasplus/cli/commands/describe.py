"""``nasplus describe``: look at an architecture."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from jsonargparse import Namespace
from rich.console import Console
from rich.table import Table

from nni_nasplus import registry
from nni_nasplus.cli.help import CommandParser
from nni_nasplus.cli.winner import chosen_trial
from nni_nasplus.drawing.draw import as_text, draw, require_format
from nni_nasplus.errors import UserError
from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.run.run import Run

__all__ = ["run"]


def run(arguments: list[str]) -> None:
    """Parse the name of a run, or that of a space and then the options of that space."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--space", default="events")
    first.add_argument("--run")
    known = first.parse_known_args(arguments)[0]
    parser = _parser()
    if known.run is not None:
        _describe_found(parser.parse_args(arguments))
        return
    kind = registry.load("spaces", known.space)
    sizes = parser.add_class_arguments(kind)
    options = parser.parse_args(arguments)
    if options.trial is not None:
        raise UserError("--trial is of a run; name that with --run, or leave it out")
    space = kind(**{name: options[name] for name in sizes})
    if options.nni:
        sys.stdout.write(json.dumps(space.search_space.to_json(), indent=2) + "\n")
        return
    if options.genotype is None:
        raise UserError(
            "--genotype is missing; name an architecture, a search with --run, or print the space with --nni"
        )
    describe(space, options.genotype, options.to, decisions=options.decisions)


def _parser() -> CommandParser:
    parser = CommandParser("describe", "an architecture: notation, parameters, operations, drawing")
    parser.add_argument("--run", type=str | None, help="a search: what it found is described, at the sizes of its data")
    parser.add_argument("--trial", type=int | None, help="of that search; without it the winner")
    parser.add_argument("--space", type=str, default="events", help="without a search, one of the installed spaces")
    parser.add_argument("--genotype", type=str | None, help="the architecture, in the space's notation")
    parser.add_argument("--decisions", action="store_true", help="print what the genotype says by decision, too")
    parser.add_argument("--to", type=str | None, help="write the picture to a .svg, .png or .pdf file")
    parser.add_argument("--nni", action="store_true", help="print the space as NNI's search-space JSON and end")
    return parser


def _describe_found(options: Namespace) -> None:
    """A trial of a run, or any architecture at its sizes."""
    run = Run.open(options.run)
    if options.nni:
        sys.stdout.write(json.dumps(run.space.search_space.to_json(), indent=2) + "\n")
        return
    if options.genotype is not None and options.trial is not None:
        raise UserError("--genotype and --trial both name an architecture; leave one out")
    genotype = options.genotype or run.space.genotype(chosen_trial(run, options.trial).architecture)
    describe(run.space, genotype, options.to, decisions=options.decisions)


def describe(space: NetworkSpace, genotype: str, to: str | None, *, decisions: bool = False) -> None:
    """Print the genotype, its decisions if asked, parameters, operations and a drawing."""
    if to is not None:
        require_format(to)
    architecture = space.parse_genotype(genotype)
    network = space.build(architecture)
    console = Console()
    console.print(f"genotype: {space.genotype(architecture)}", highlight=False, markup=False, soft_wrap=True)
    if space.notation:
        console.print(f"which is: {space.notation}", highlight=False, markup=False)
    if decisions:
        console.print(_table(architecture))
    console.print(f"parameters: {count_parameters(network):,}", highlight=False)
    console.print(f"FLOPs, one example: {count_flops(network, space.example()):,}", highlight=False)
    _draw(space, architecture, genotype, to)


def _draw(space: NetworkSpace, architecture: dict[str, Any], title: str, to: str | None) -> None:
    try:
        graph = space.graph(architecture)
    except NotImplementedError:
        if to is not None:
            raise UserError(f"{type(space).__name__} has no pictures; give it a method graph()") from None
        return
    Console().print(as_text(graph), highlight=False, markup=False)
    if to is not None:
        draw(graph, to, title)


def _table(architecture: dict[str, Any]) -> Table:
    table = Table("decision", "choice")
    for name, choice in architecture.items():
        table.add_row(name, str(choice))
    return table
