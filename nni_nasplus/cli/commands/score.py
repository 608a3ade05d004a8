"""``nasplus score``: rank architectures by zero-cost proxies, what their networks say before they are trained."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.stats import rankdata

from nni_nasplus import registry
from nni_nasplus.cli.help import CommandParser
from nni_nasplus.cli.notation import Notation
from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.proxies import Proxy, proxy_named, random_batch, untrained_network
from nni_nasplus.search.space import Architecture

__all__ = ["run"]

_PROXIES = "naswot,synflow,parameters,flops"


def run(arguments: list[str]) -> None:
    """Parse the space's name, then the options of that space."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--space", default="events")
    kind = registry.load("spaces", first.parse_known_args(arguments)[0].space)
    parser = CommandParser("score", "rank architectures by zero-cost proxies: what networks say before any training")
    parser.add_argument("--space", type=str, default="events", help="one of the installed spaces")
    parser.add_argument("--genotype", action="append", help="an architecture; may be given many times")
    parser.add_argument("--sample", type=int, default=0, help="how many random architectures to score")
    parser.add_argument("--proxies", type=str, default=_PROXIES, help="their names, with commas between them")
    parser.add_argument("--batch", type=int, default=32, help="how many random examples the networks are given")
    parser.add_argument("--seed", type=int, default=0, help="of architectures, weights and examples")
    sizes = parser.add_class_arguments(kind)
    options = parser.parse_args(arguments)
    for name, least in (("batch", 1), ("sample", 0)):
        if options[name] < least:
            raise UserError(f"--{name} is {options[name]}; use {least} or more")
    proxies = [proxy_named(name) for name in options.proxies.split(",")]
    space = kind(**{name: options[name] for name in sizes})
    architectures = _architectures(space, options.genotype or [], options.sample, options.seed)
    values = np.array([_values(space, one, proxies, options.batch, options.seed) for one in architectures])
    Console().print(_table([space.genotype(one) for one in architectures], proxies, values))


def _architectures(space: NetworkSpace, genotypes: Sequence[str], count: int, seed: int) -> list[Architecture]:
    """Those of the genotypes, then random ones."""
    rng = np.random.default_rng(seed)
    named = [space.parse_genotype(text) for text in genotypes]
    architectures = named + [space.search_space.sample(rng) for _ in range(count)]
    if not architectures:
        raise UserError("nothing to score; name architectures with --genotype, or draw some with --sample")
    return architectures


def _values(
    space: NetworkSpace, architecture: Architecture, proxies: Sequence[Proxy], examples: int, seed: int
) -> list[float]:
    """The values of a freshly initialised network."""
    network = untrained_network(space, architecture, seed)
    batch = random_batch(space, examples, torch.Generator().manual_seed(seed))
    return [proxy(network, batch, torch.Generator().manual_seed(seed)) for proxy in proxies]


def _table(genotypes: Sequence[str], proxies: Sequence[Proxy], values: np.ndarray) -> Table:
    """The best mean rank first; of what is not a number the rank is the last."""
    utilities = np.array([[p.utility(v) for p, v in zip(proxies, row, strict=True)] for row in values])
    ranks = rankdata(-np.nan_to_num(utilities, nan=-np.inf, posinf=np.inf, neginf=-np.inf), axis=0)
    titles = [f"{proxy.name} {'↑' if proxy.direction == 'higher' else '↓'}" for proxy in proxies]
    table = Table(caption="↑ higher is better, ↓ lower is better")
    for title in ("mean rank", *titles):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("architecture", overflow="fold")
    for i in np.argsort(ranks.mean(1), kind="stable"):
        table.add_row(f"{ranks[i].mean():.1f}", *(f"{value:,.6g}" for value in values[i]), Notation(genotypes[i]))
    return table
