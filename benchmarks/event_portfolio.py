"""A few event networks that are good on data sets of different kinds: what a search on new data may begin with.

python benchmarks/event_portfolio.py DATA [--size 3]

From the trained networks that SeqNAS has published (DATA/seqnas_table.csv). Its data sets share hardly any networks, so
a random forest for each of them fills in what the others have trained; those that were trained keep their score. Then
greedily: the network with the lowest mean rank over the data sets, then the one that lowers most the mean of the best
rank so far, and so on (Wistuba et al., arXiv 1802.02219, and the portfolios of TabRepo).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from nni_nasplus import registry
from nni_nasplus.predictors.trees.random_forest import RandomForest


def ranks(table: pd.DataFrame) -> pd.DataFrame:
    """The rank, 1 for the best, of every network in the table on every data set, trained there or predicted."""
    space = registry.load("spaces", "events")()
    genotypes = table["genotype"].unique().tolist()
    architectures = {genotype: space.parse_genotype(genotype) for genotype in genotypes}
    columns = {}
    for name, rows in table.groupby("dataset"):
        known = rows.groupby("genotype")["score"].mean()
        forest = RandomForest(space.search_space)
        forest.fit([architectures[genotype] for genotype in known.index], known.to_numpy())
        mean, _ = forest.predict(list(architectures.values()))
        score = pd.Series(mean, genotypes)
        score[known.index] = forest.warp(known.to_numpy())
        columns[name] = rankdata(-score)
    return pd.DataFrame(columns, index=genotypes)


def portfolio(found: pd.DataFrame, size: int) -> list[str]:
    """The networks whose best rank on each data set has, together, the lowest mean."""
    chosen: list[str] = []
    best = np.full(found.shape[1], np.inf)
    for _ in range(size):
        means = np.minimum(found.to_numpy(), best).mean(axis=1)
        chosen.append(found.index[int(means.argmin())])
        best = np.minimum(best, found.loc[chosen[-1]].to_numpy())
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", type=int, default=3)
    arguments = parser.parse_args()
    found = ranks(pd.read_csv(arguments.data / "seqnas_table.csv"))
    for genotype in portfolio(found, arguments.size):
        row = ", ".join(f"{name} {rank:.0f}" for name, rank in found.loc[genotype].items())
        sys.stdout.write(f"{genotype:<30} rank of {len(found)}: {row}\n")


if __name__ == "__main__":
    main()
