"""``nasplus quantise``: a found network whose layers have few bits."""

from __future__ import annotations

import hashlib
import math
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from nni_nasplus.networks.network_space import NetworkSpace
    from nni_nasplus.run.run import Run
    from nni_nasplus.tail.narrowed import Narrowed

__all__ = ["quantise"]

_OPTIONS = "options.json"
"""What unfinished work is of."""
_GENTLE = 0.1
"""What the learning rate is multiplied by where a network is trained on."""


def quantise(
    model: str,
    *,
    to: str,
    bits: str = "4,8",
    run: str | None = None,
    trial: int | None = None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    cost: float = 1.0,
    minutes: float | None = None,
    onnx: bool = False,
) -> None:
    """Search how many bits each layer of a found network needs, and train it on at those.

    Whatever ends it before it is done, the same command goes on where it was.

    Parameters
    ----------
    model
        The directory given to --out of a search, whose winner is taken; or one written by nasplus export.
    to
        The directory to write; it must be new or empty. Until it is there, what is done lies beside it, in a directory
        whose name ends in .unfinished.
    bits
        What weights and inputs of layers may have, with commas between: whole numbers from 1 to 8, or 32 for floats.
    run
        With an exported network the directory of its search, which has the examples to learn from.
    trial
        Of a search the network of one trial.
    epochs
        Of the search for bits, and of each training; by default those of the search's trials.
    learning_rate
        Of the search for bits, and of each training; by default a tenth of that which trained the network: more would
        undo what it has learned.
    cost
        How much bits cost: what is added to the loss where all layers have the most bits; 0 or more.
    minutes
        Networks with the same bits everywhere are trained beside the mixed one as long as they are likely to end within
        so many; by default all. The mixed one takes what it takes.
    onnx
        Write model.onnx too, with quantise and dequantise nodes (needs the onnx extra).
    """
    numbers, out = _numbers(bits), Path(to)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} exists and is not empty; name a new directory with --to")
    _require_training(epochs, learning_rate, cost, minutes)
    from rich.console import Console

    from nni_nasplus._signals import goes_on_by
    from nni_nasplus.cli.bit_tables import print_layers, print_networks
    from nni_nasplus.networks.export import onnx_available
    from nni_nasplus.tail.quantised import Quantising
    from nni_nasplus.tail.tested import tested

    if onnx and not onnx_available():
        raise UserError('model.onnx needs the onnx extra; pip install "nni-nasplus[onnx]"')
    source, space, architecture, network = _found(model, run, trial)
    evaluator = replace(source.evaluator, distillation=None, epochs=epochs or source.evaluator.epochs)
    evaluator = _gentle(evaluator.tuned(architecture), learning_rate)
    options = {"bits": list(numbers), "cost": cost, "epochs": evaluator.epochs, "network": _digest(network)}
    options["learning-rate"] = evaluator.learning_rate
    with (
        source.held("models"),
        Console(file=sys.stderr).status("reading the data") as status,
        goes_on_by("the same command"),
    ):
        parts = (evaluator, space, architecture, network)
        Quantising(*parts, out, partial(tested, source)).bits(numbers)
        with _unfinished(out, options) as folder:
            quantising = Quantising(*parts, folder, partial(tested, source), status.update)
            networks = quantising.each(numbers, cost, math.inf if minutes is None else 60 * minutes)
            _leave(source, networks, out, onnx=onnx)
    print_networks(networks, source.settings.objective, [f"{number} bits" for number in reversed(numbers)])
    print_layers(networks[-1])
    sys.stdout.write(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}\n")


def _require_training(epochs: int | None, learning_rate: float | None, cost: float, minutes: float | None) -> None:
    """UserError naming the first that is out of its range."""
    if epochs is not None and epochs < 1:
        raise UserError(f"--epochs is {epochs}; use 1 or more")
    if learning_rate is not None and not 0 < learning_rate < math.inf:
        raise UserError(f"--learning-rate is {learning_rate:g}; use more than 0")
    if not 0 <= cost < math.inf:
        raise UserError(f"--cost is {cost}; use 0 or more")
    if minutes is not None and not 0 < minutes < math.inf:
        raise UserError(f"--minutes is {minutes:g}; use more than 0, or leave it out for no limit")


def _gentle(evaluator: Any, learning_rate: float | None) -> Any:
    """What trains on at this learning rate, by default at a share of its own."""
    return replace(evaluator, learning_rate=learning_rate or _GENTLE * evaluator.learning_rate)


@contextmanager
def _unfinished(out: Path, options: Mapping[str, Any]) -> Iterator[Path]:
    """The folder beside ``out`` for what is done until that is there; it goes with the block that ends.

    Raises
    ------
    UserError
        If it has what was done with other options.
    """
    from nni_nasplus._files import read_json, write_json

    place = out.resolve()
    folder = place.with_name(f"{place.name}.unfinished")
    if (folder / _OPTIONS).is_file():
        before = read_json(folder / _OPTIONS, f"remove {folder} to begin anew")
        if other := [name for name, value in options.items() if before.get(name) != value]:
            what = "another network" if "network" in other else _written(before, other[0])
            raise UserError(f"{folder} was begun with {what}; do so again, remove it, or name another --to")
        sys.stderr.write(f"going on with {folder}\n")
    else:
        write_json(folder / _OPTIONS, options)
    yield folder
    shutil.rmtree(folder)


def _written(options: Mapping[str, Any], name: str) -> str:
    value = options.get(name)
    return f"--{name} {','.join(map(str, value)) if isinstance(value, list) else value}"


def _digest(network: nn.Module) -> str:
    """Of the weights."""
    found = hashlib.sha256()
    for name, weights in sorted(network.state_dict().items()):
        found.update(name.encode() + weights.cpu().numpy().tobytes())
    return found.hexdigest()


def _leave(run: Run, networks: Sequence[Narrowed], out: Path, *, onnx: bool) -> None:
    """Write the last one, which is the mixed one where there was a choice; without ONNX where that cannot be."""
    from nni_nasplus.run.model import SHOWN

    model = networks[-1].model(run)
    beside = run.evaluator.side_by_side(model.network, "test", SHOWN)
    try:
        model.save(out, onnx=onnx, beside=beside)
    except UserError as error:
        if not onnx:
            raise
        model.save(out, beside=beside)
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
