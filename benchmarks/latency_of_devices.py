"""Write a table of latencies for a device on which whole cells of NAS-Bench-201 were measured.

python benchmarks/latency_of_devices.py nb201_latency_help.npz nb201_200ep.npz raspi4 --to raspi4.csv
nasplus search --images fashion.npz --space nb201 --scale small --max-latency-ms 20 --latency-table raspi4.csv

The first file is of HELP (arXiv 2106.08630): milliseconds of each of 15,625 cells by the name of a device. How often
a network has which operation explains them by non-negative least squares. Milliseconds stay those of the measured
networks, whatever the sizes that the table is for, so it says which cell takes longer, and not how long a smaller one.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import nnls

from nni_nasplus.networks.costs.parts import Part, parts_of
from nni_nasplus.networks.costs.table import LatencyTable
from nni_nasplus.spaces.images import NasBench201Space

OPERATIONS = ("skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""What takes time; ``none`` takes none."""


def explained(counts: np.ndarray, milliseconds: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Milliseconds of each operation [4] in all cells together, those of all else, and the median relative error."""
    columns = np.concatenate([counts, np.ones((len(counts), 1))], 1)
    found, _ = nnls(columns, milliseconds)
    errors = np.abs(columns @ found - milliseconds) / milliseconds
    return found[:-1], float(found[-1]), float(np.median(errors))


def table_of(space: NasBench201Space, each: np.ndarray, rest: float) -> LatencyTable:
    """Rows for all parts of the networks: stages share the time of an operation, and all else that of the rest."""
    rows: dict[Part, float] = {}
    fixed: list[Part] = []
    for name in (*OPERATIONS, "none"):
        with torch.random.fork_rng(devices=[]):
            network = space.build(dict.fromkeys(space.search_space.decisions, name))
        parts = [part for part, _ in parts_of(network, space.example())]
        own = [part for part in parts if part.operation == name]
        fixed = [part for part in parts if part.operation not in (*OPERATIONS, "none")]
        share = 0.0 if name == "none" else each[OPERATIONS.index(name)] * len(space.search_space.decisions) / len(own)
        rows |= dict.fromkeys(own, share)
    return LatencyTable({**rows, **dict.fromkeys(fixed, rest / len(fixed))})


def main() -> None:
    """Read the files, explain the latencies of a device, and write its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("latencies", type=Path)
    parser.add_argument("cells", type=Path)
    parser.add_argument("device")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--cells-per-stage", type=int, default=1)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--in-channels", type=int, default=1)
    options = parser.parse_args()
    with (
        np.load(options.latencies, allow_pickle=False) as measured,
        np.load(options.cells, allow_pickle=False) as cells,
    ):
        if options.device not in measured:
            parser.error(f"there is no device {options.device}; choose one of {', '.join(measured)}")
        milliseconds = measured[options.device].astype(float)
        names = np.array(cells["ops"])[cells["arch"]]
    counts = np.stack([(names == name).sum(1) for name in OPERATIONS], 1).astype(float)
    each, rest, error = explained(counts, milliseconds)
    sizes = {"channels": options.channels, "cells": options.cells_per_stage, "in_channels": options.in_channels}
    table_of(NasBench201Space(size=options.size, **sizes), each, rest).save(options.to)
    logging.info(
        "%s: off by %.1f %% in the median of %d cells; %s", options.device, 100 * error, len(names), options.to
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
