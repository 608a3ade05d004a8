"""The portfolio of event networks: greedy by mean rank, over data sets that share hardly any networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from event_portfolio import portfolio, ranks
from hypothesis import given
from hypothesis import strategies as st

from nni_nasplus.spaces.events import EventSequenceSpace


def test_the_first_has_the_lowest_mean_rank_and_the_second_helps_where_it_is_weak():
    found = pd.DataFrame({"one": [2, 1, 9, 5], "two": [2, 9, 1, 5], "three": [4, 8, 7, 1]}, index=list("abcd"))
    # beside a, whose mean is the lowest, d brings the ranks to 2, 2, 1; b to 1, 2, 4; c to 2, 1, 4
    assert portfolio(found, 2) == ["a", "d"]


@given(st.integers(0, 2**31), st.integers(1, 4))
def test_one_more_never_makes_the_best_ranks_worse(seed, size):
    rng = np.random.default_rng(seed)
    found = pd.DataFrame({name: rng.permutation(12) for name in "xyz"})
    reached = [found.loc[portfolio(found, n)].min().mean() for n in range(1, size + 1)]
    assert reached == sorted(reached, reverse=True)


def test_what_a_data_set_has_trained_keeps_its_order_there():
    space, rng = EventSequenceSpace(), np.random.default_rng(0)
    genotypes = [space.genotype(space.search_space.sample(rng)) for _ in range(60)]
    table = pd.DataFrame(
        {"dataset": np.repeat(["A", "B"], 30), "genotype": genotypes, "score": rng.random(60)}
    ).drop_duplicates("genotype")
    found = ranks(table)
    for name, rows in table.groupby("dataset"):
        order = found.loc[rows["genotype"], name].to_numpy()
        assert (np.argsort(order) == np.argsort(-rows["score"].to_numpy())).all()
