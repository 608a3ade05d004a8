"""Random architectures of a pool: each once, and those that random search proposes."""

from __future__ import annotations

from itertools import islice

import pytest
from pools import GRID, SPACES

from nni_nasplus import Search, SearchSpace
from nni_nasplus.proxies.pool.random_architectures import random_architectures
from nni_nasplus.strategies import RandomSearch


@pytest.mark.parametrize("name", SPACES)
def test_they_are_those_of_random_search(name):
    space = SPACES[name].search_space
    search = Search(space, RandomSearch(), seed=4)
    assert list(islice(random_architectures(space, 4), 300)) == [search.ask().architecture for _ in range(300)]


@pytest.mark.parametrize("conditions", [{}, {f"d{i}": {"d0": [3]} for i in range(1, 5)}])
def test_a_small_space_is_drawn_whole_and_in_the_same_order(conditions):
    space = SearchSpace(GRID.decisions, conditions)
    search = Search(space, RandomSearch(), seed=4)
    drawn = list(random_architectures(space, 4))
    assert len(drawn) == space.size
    assert drawn == [search.ask().architecture for _ in range(space.size)]
