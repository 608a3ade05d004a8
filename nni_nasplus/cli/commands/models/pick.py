"""``nasplus pick``: a network for a budget, out of a supernet that was trained once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    from nni_nasplus.networks.limits import Limits
    from nni_nasplus.tail.picking.pick import Picked

__all__ = ["pick"]

_UNITS = {"parameters": "parameters", "flops": "floating-point operations", "latency_ms": "milliseconds of one example"}


def pick(
    directory: str,
    *,
    to: str,
    max_latency_ms: float | None = None,
    max_parameters: float | None = None,
    max_flops: float | None = None,
    samples: int = 100,
    onnx: bool = False,
) -> None:
    """Write the best network within a budget, with the weights that it has in the supernet, and the curve of budgets.

    Parameters
    ----------
    directory
        The directory given to --out of a search by paths, such as by bignas, of event sequences or in --space mobile.
    to
        The directory to write; it must be new or empty.
    max_latency_ms
        The most milliseconds of a forward pass of one example, on one thread of this machine's CPU, or by the
        --latency-table of the search.
    max_parameters
        The most trainable weights.
    max_flops
        The most floating-point operations of a forward pass of one example.
    samples
        How many networks are scored for this budget; what is scored stays in the run, for other budgets too.
    onnx
        Write model.onnx too (needs the onnx extra).
    """
    from nni_nasplus.networks.limits import Limits

    limits, out = Limits(max_parameters, max_flops, max_latency_ms), Path(to)
    if not limits:
        raise UserError("no budget is given; name one with --max-latency-ms, --max-flops or --max-parameters")
    if samples < 1:
        raise UserError(f"--samples is {samples}; use 1 or more")
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} exists and is not empty; name a new directory with --to")
    from rich.console import Console

    from nni_nasplus.networks.export import onnx_available
    from nni_nasplus.run.run import Run
    from nni_nasplus.tail.picking.pick import pick as picked_of

    if onnx and not onnx_available():
        raise UserError('model.onnx needs the onnx extra; pip install "nni-nasplus[onnx]"')
    run = Run.open(directory)
    run.require_whole()
    with run.held("models"), Console(file=sys.stderr).status("reading the supernet") as status:
        picked = picked_of(run, limits, samples, status.update)
    picked.model.save(out, onnx=onnx)
    _leave_curve(picked, limits, out)
    _say(picked, limits, run.settings.objective)
    run.warn_of_edits()
    sys.stdout.write(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}\n")


def _leave_curve(picked: Picked, limits: Limits, out: Path) -> None:
    """Write curve.json and curve.svg."""
    from nni_nasplus._files import write_json
    from nni_nasplus.drawing.trade_off import draw_trade_off

    curve = picked.curve
    write_json(out / "curve.json", curve)
    points = [(point["cost"], point["score"]) for point in curve["points"] if point["front"]]
    own = picked.costs[f"max_{curve['cost']}"], picked.score
    labels = _UNITS[curve["cost"]], f"{curve['objective']}, validation"
    draw_trade_off(out / "curve.svg", points, own, labels, getattr(limits, f"max_{curve['cost']}"))


def _say(picked: Picked, limits: Limits, objective: str) -> None:
    from nni_nasplus.networks.limits import written

    sys.stdout.write(f"{picked.genotype}\n")
    sys.stdout.write(f"{objective}: {picked.score:.4f} validation, {picked.test['test']:.4f} test\n")
    for name, cost in picked.costs.items():
        limit = f"limit {written(getattr(limits, name))}"
        sys.stdout.write(f"{name.removeprefix('max_')}: {written(cost)} ({limit})\n")
