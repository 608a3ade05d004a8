"""Every strategy and its peers on tables of really trained architectures.

python benchmarks/replay.py --data DIR [--tables …] [--methods …] [--seeds N] [--batch 1 5] [--jobs N] [--out docs]

A method is a strategy or a peer by name, with options as in thompson:acquisition=ei, and with earlier searches as in
thompson+memory (see earlier_searches.py): without them it starts cold. Finished replays are kept in
--results, from which an interrupted benchmark goes on.

With --seconds a search has so many seconds of training in place of evaluations, on nb201_cifar10, and what is shown is
the test accuracy of the cell that it was told the best of (see replay_seconds.py).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("PYTHONHASHSEED", "0")

import argparse
import json
import multiprocessing
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import peers
import replay_report
import replay_seconds
import tables
from earlier_searches import earlier
from tqdm import tqdm

from nni_nasplus import UserError
from nni_nasplus.replay.replay import Asker, Table, parse_method, replay
from nni_nasplus.search.search import Search
from nni_nasplus.search.strategy import make_strategy


class Job(NamedTuple):
    """One replay; its first five fields are its key among the results."""

    table: str
    method: str
    batch: int
    seed: int
    noisy: bool
    data: Path | None
    budget: int
    enough: int


@lru_cache(maxsize=2)
def _table(name: str, data: Path | None, noisy: bool) -> Table:
    return tables.load(name, data, noisy)


def asker(method: str, table: Table, seed: int, budget: int, data: Path | None) -> Asker:
    """The strategy or peer that ``name+earlier:option=value,option=value`` describes, new."""
    name, options = parse_method(method)
    if name in peers.NAMES:
        return peers.make_peer(name, table, seed, budget, options)
    name, _, kind = name.partition("+")
    known = earlier(kind, table.name, seed, data) if kind else ()
    return Search(table.space, make_strategy(name, options), seed=seed, direction=table.direction, earlier=known)


def run(job: Job) -> dict[str, Any]:
    """One replay as a line of the results; ``seconds`` is the CPU time of the search itself."""
    table = _table(job.table, job.data, job.noisy)
    done = replay(
        asker(job.method, table, job.seed, job.budget, job.data),
        table,
        budget=min(job.budget, len(table.pool)),
        batch=job.batch,
        enough=job.enough,
        seed=job.seed,
    )
    return {**dict(zip(Job._fields[:5], job[:5], strict=True)), "rows": done.rows, "seconds": round(done.seconds, 5)}


def results(path: Path) -> Iterator[dict[str, Any]]:
    """The replays that are finished; a line that was cut off is not."""
    if path.is_file():
        text = path.read_text(encoding="utf-8")
        yield from map(json.loads, text[: text.rfind("\n") + 1].splitlines())


def complete(jobs: Iterable[Job], path: Path, processes: int) -> None:
    """Run the jobs that have no result yet and append theirs."""
    done = {tuple(line[field] for field in Job._fields[:5]) for line in results(path)}
    left = [job for job in jobs if job[:5] not in done]
    if not left or processes == 0:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, initializer=_single_thread) as pool, path.open("a", encoding="utf-8") as file:
        for line in tqdm(pool.imap_unordered(run, left), total=len(left), unit="replay", mininterval=5):
            file.write(json.dumps(line) + "\n")
            file.flush()


def _single_thread() -> None:
    import torch

    torch.set_num_threads(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder of the tables' files")
    parser.add_argument("--tables", nargs="+", default=tables.NAMES, choices=tables.NAMES)
    parser.add_argument("--methods", nargs="+", default=["thompson", "evolution", "random", *peers.NAMES])
    parser.add_argument("--seeds", type=int, default=30, help="replays a method, paired by seed")
    parser.add_argument("--budget", type=int, default=300, help="evaluations at most")
    parser.add_argument(
        "--enough", type=int, default=100, help="evaluations at most where the target was found by then"
    )
    parser.add_argument("--batch", type=int, nargs="+", default=[1], help="architectures in training at a time")
    parser.add_argument("--jobs", type=int, default=1, help="processes; 0 to print what is finished")
    parser.add_argument("--noisy", action="store_true", help="tell a search one training's score, not the mean")
    parser.add_argument("--results", type=Path, default=Path("build/replay.jsonl"))
    parser.add_argument("--out", type=Path, help="the folder for the figures")
    parser.add_argument("--ours", default="thompson", help="the method to compare with every other")
    parser.add_argument("--seconds", type=float, help="of training a search, simulated, in place of evaluations")
    options = parser.parse_args()
    if options.seconds is not None:
        return replay_seconds.compare(options, asker)
    jobs = [
        Job(table, method, batch, seed, options.noisy, options.data, options.budget, options.enough)
        for table in options.tables
        for batch in options.batch
        for method in options.methods
        for seed in range(options.seeds)
    ]
    loaded = {name: _table(name, options.data, options.noisy) for name in options.tables}
    for method in options.methods:
        asker(method, next(iter(loaded.values())), 0, options.budget, options.data)
    complete(jobs, options.results, options.jobs)
    wanted = {job[:5] for job in jobs}
    lines = [line for line in results(options.results) if tuple(line[f] for f in Job._fields[:5]) in wanted]
    return replay_report.write(lines, loaded, options.methods, options.budget, options.ours, options.out)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.stderr.write(f"replay: error: {error}\n")
        sys.exit(2)
