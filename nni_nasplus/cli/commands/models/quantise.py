"""``nasplus quantise``: a found network whose layers have few bits."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from nni_nasplus.networks.network_space import NetworkSpace
    from nni_nasplus.run.run import Run
    from nni_nasplus.tail.quantised import Narrowed

__all__ = ["quantise"]


def quantise(
    model: str,
    *,
    to: str,
    bits: str = "4,8",
    run: str | None = None,
    trial: int | None = None,
    epochs: int | None = None,
    cost: float = 1.0,
    onnx: bool = False,
) -> None:
    """Search how many bits each layer of a found network needs, and train it on at those.

    Parameters
    ----------
    model
        The directory given to --out of a search, whose winner is taken; or one written by nasplus export.
    to
        The directory to write; it must be new or empty.
    bits
        What weights and inputs of layers may have, with commas between: whole numbers from 1 to 8, or 32 for floats.
    run
        With an exported network the directory of its search, which has the examples to learn from.
    trial
        Of a search the network of one trial.
    epochs
        Of the search for bits, and of each training; by default those of the search's trials.
    cost
        How much bits cost: what is added to the loss where all layers have the most bits; 0 or more.
    onnx
        Write model.onnx too, with quantise and dequantise nodes (needs the onnx extra).
    """
    numbers = _numbers(bits)
    out = Path(to)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} exists and is not empty; name a new directory with --to")
    if epochs is not None and epochs < 1:
        raise UserError(f"--epochs is {epochs}; use 1 or more")
    if not 0 <= cost < float("inf"):
        raise UserError(f"--cost is {cost}; use 0 or more")
    from rich.console import Console

    from nni_nasplus.cli.bit_tables import print_layers, print_networks, write_layers
    from nni_nasplus.networks.export import onnx_available
    from nni_nasplus.tail.quantised import Quantising
    from nni_nasplus.tail.tested import tested

    if onnx and not onnx_available():
        raise UserError('model.onnx needs the onnx extra; pip install "nni-nasplus[onnx]"')
    source, space, architecture, network = _found(model, run, trial)
    with (
        tempfile.TemporaryDirectory(prefix="nasplus-") as folder,
        source.held("models"),
        Console(file=sys.stderr).status("reading the data") as status,
    ):
        own = source.evaluator
        evaluator = replace(own, distillation=None, epochs=epochs or own.epochs).tuned(architecture)
        quantising = Quantising(evaluator, space, architecture, network, Path(folder), partial(tested, source))
        networks = quantising.each(numbers, cost, status.update)
    _leave(source, networks, out, onnx=onnx)
    print_networks(networks, source.settings.objective)
    print_layers(networks[-1])
    write_layers(networks[-1], out)
    sys.stdout.write(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}\n")


def _leave(run: Run, networks: Sequence[Narrowed], out: Path, *, onnx: bool) -> None:
    """Write the last one, which is the mixed one where there was a choice; without ONNX where that cannot be."""
    model = networks[-1].model(run)
    try:
        model.save(out, onnx=onnx)
    except UserError as error:
        if not onnx:
            raise
        model.save(out)
        warnings.warn(f"model.onnx is left out: {error}", stacklevel=2)


def _numbers(bits: str) -> Sequence[int]:
    """Those of an option; UserError naming what is none."""
    from nni_nasplus.networks.quantised.grids import require_bits

    parts = bits.replace(",", " ").split()
    for part in parts:
        if not part.removeprefix("-").isdecimal():
            raise UserError(f"--bits has {part!r}; use whole numbers from 1 to 8, or 32 for floats, as in --bits 4,8")
    return require_bits(int(part) for part in parts)


def _found(model: str, run: str | None, trial: int | None) -> tuple[Run, NetworkSpace, dict[str, Any], nn.Module]:
    """The search, and the space, architecture and network that are to have fewer bits."""
    from nni_nasplus.run.model import ARCHITECTURE, Model, shipped
    from nni_nasplus.run.run import SETTINGS, Run

    directory = Path(model)
    if (directory / SETTINGS).is_file():
        if run is not None:
            raise UserError(f"--run has no effect on {model}, which is a search; leave it out")
        source = Run.open(directory)
        chosen = shipped(source, trial, what="winner")
        loaded = Model.of_members(source, chosen["members"][:1], chosen["metrics"], 1.0)
    elif (directory / ARCHITECTURE).is_file():
        if run is None:
            raise UserError(f"{model} is exported, without examples to learn from; name its search with --run")
        if trial is not None:
            raise UserError(f"--trial has no effect on {model}, which is exported; leave it out")
        source, loaded = Run.open(run), Model.load(directory)
    else:
        raise UserError(
            f"{model} is no search and no exported network; name what was given to --out, or to --to of nasplus export"
        )
    if len(loaded.members) > 1:
        raise UserError(f"{model} has {len(loaded.members)} networks; export one with --single, or name the search")
    (member,) = loaded.members
    return source, member.built, member.architecture, loaded.networks[0]
