"""The searches that SeqNAS has published as a memory for those of events: what ``--learn-from seqnas`` takes.

python benchmarks/event_memory.py DATA [--to nni_nasplus/run/memories/seqnas.json.gz]

From DATA/seqnas_table.csv, the trained networks of https://github.com/On-Point-RND/SeqNAS (Apache-2.0): of each data
set the architectures and their ranks. Of those that were trained twice the mean counts.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import pandas as pd

from nni_nasplus import registry
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking

MEMORY = Path("nni_nasplus/run/memories/seqnas.json.gz")


def memory(table: pd.DataFrame) -> Memory:
    """The data sets of the table, by name."""
    space = registry.load("spaces", "events")()
    tasks = {}
    for name, rows in table.groupby("dataset", sort=False):
        scores = rows.groupby("genotype", sort=False)["score"].mean()
        tasks[str(name)] = Ranking.of([space.parse_genotype(one) for one in scores.index], scores.to_list())
    return Memory(space.search_space, tasks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--to", type=Path, default=MEMORY)
    arguments = parser.parse_args()
    content = memory(pd.read_csv(arguments.data / "seqnas_table.csv")).to_json()
    text = json.dumps(content, separators=(",", ":")) + "\n"
    arguments.to.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
