"""Events per second and peak memory of ``prepare`` on synthetic events."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

BLOCK = 500_000


def block(rng: np.random.Generator, rows: int, users: int) -> pa.Table:
    """Unsorted events with three categorical and three numeric columns, one of them with missing values."""
    amount = rng.lognormal(3, 2, rows).round(2)
    return pa.table(
        {
            "user": rng.integers(0, users, rows),
            "when": rng.integers(0, 31_536_000, rows).astype("datetime64[s]") + np.timedelta64(17_000, "D"),
            "category": np.char.add("c", rng.zipf(1.5, rows).clip(max=2000).astype(str)),
            "channel": rng.choice(["web", "shop", "phone"], rows),
            "flag": rng.random(rows) < 0.3,
            "amount": amount,
            "balance": pa.array(rng.normal(0, 1000, rows).round(2), mask=rng.random(rows) < 0.1),
            "count": rng.integers(0, 500, rows),
        }
    )


def generate(path: Path, rows: int, users: int) -> None:
    """Write ``rows`` events of ``users`` users to a CSV or Parquet file."""
    rng = np.random.default_rng(0)
    schema = block(rng, 1, users).schema
    csv = path.suffix == ".csv"
    with pa.csv.CSVWriter(path, schema) if csv else pa.parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, BLOCK):
            writer.write_table(block(rng, min(BLOCK, rows - start), users))


def measure(folder: Path, events: Path, rows: int) -> None:
    """Prepare in this process and print the time and the peak resident memory."""
    from nni_nasplus.data.events.preparation import prepare

    imports = peak_memory()
    start, cpu = time.perf_counter(), time.process_time()
    labels, out = folder / "labels.csv", folder / "cache"
    prepare(events, labels, id="user", time="when", target="y", out=out, progress=False)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(f"{events.name}: {rows} events in {seconds:.1f} s ({cpu:.1f} s of CPU), {rows / seconds:,.0f} events/s")
    print(f"peak memory {peak_memory():.0f} MiB, of it {imports:.0f} MiB after the imports")


def peak_memory() -> float:
    """The peak resident memory of this process in MiB (Linux; ``ru_maxrss`` would count the parent's as well)."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def prepare_events(rows: int, kind: str) -> None:
    """Write the tables and measure in a fresh process."""
    users = max(1000, rows // 100)
    with tempfile.TemporaryDirectory() as folder:
        labels = pd.DataFrame({"user": range(users), "y": np.arange(users) % 2})
        labels.to_csv(Path(folder) / "labels.csv", index=False)
        generate(Path(folder) / f"events.{kind}", rows, users)
        options = ["--events", str(rows), "--format", kind, "--measure", folder]
        subprocess.run([sys.executable, __file__, *options], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    rows, name = arguments.events, f"events.{arguments.format}"
    if arguments.measure:
        measure(arguments.measure, arguments.measure / name, rows)
    else:
        prepare_events(rows, arguments.format)


if __name__ == "__main__":
    main()
