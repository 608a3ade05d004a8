"""Graphs to be drawn, and boxes and arrows of figures."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
from matplotlib.patches import FancyArrowPatch

from nni_nasplus.spaces.images import PUBLISHED, DartsSpace, Genotype
from nni_nasplus.spaces.images.flow import graph_of

DARTS = DartsSpace(channels=1, layers=3, size=4)


def dag(seed: int, most: int) -> nx.DiGraph:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, most + 1))
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_nodes_from(rng.permutation(count).tolist(), label="step", kind="op")
    graph.add_edges_from(pair for pair in itertools.combinations(range(count), 2) if rng.random() < 0.4)
    return graph


def inside(box, points: np.ndarray, slack: float) -> np.ndarray:
    x, y = points.T
    return (x > box.x0 + slack) & (x < box.x1 - slack) & (y > box.y0 + slack) & (y < box.y1 - slack)


def course(arrow: FancyArrowPatch) -> np.ndarray:
    """Points along an arrow and its head, in pixels [points, 2]."""
    lines = arrow.get_path().to_polygons(arrow.get_transform(), closed_only=False)
    steps = np.linspace(0, 1, 20)[:, None]
    return np.concatenate([a + steps * (b - a) for line in lines for a, b in itertools.pairwise(np.asarray(line))])


def published(name: str) -> nx.DiGraph:
    return graph_of(Genotype.parse(PUBLISHED[name]))
