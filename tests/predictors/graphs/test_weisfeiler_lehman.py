"""The Weisfeiler-Lehman kernel."""

from __future__ import annotations

import numpy as np
import pytest
from edges import EDGES, trained

from nni_nasplus.predictors.graphs.labelled_graph import LabelledGraph
from nni_nasplus.predictors.graphs.weisfeiler_lehman import WeisfeilerLehman, subtrees


def test_graphs_that_differ_in_the_numbers_of_their_nodes_alone_have_the_same_subtrees():
    one = LabelledGraph(("in", "conv", "gru", "out"), ((0, 1), (0, 2), (1, 3), (2, 3)))
    same = LabelledGraph(("in", "gru", "conv", "out"), ((0, 1), (0, 2), (1, 3), (2, 3)))
    numbers = {}
    assert subtrees(one, 2, numbers) == subtrees(same, 2, numbers)


def test_a_subtree_of_depth_one_tells_where_a_label_stands():
    one, other = (LabelledGraph(labels, ((0, 1), (1, 2))) for labels in (("a", "b", "c"), ("b", "a", "c")))
    numbers = {}
    (flat, deep), (other_flat, other_deep) = (subtrees(graph, 1, numbers) for graph in (one, other))
    assert flat == other_flat
    assert deep != other_deep


def test_the_covariance_of_an_architecture_with_itself_is_the_variance_also_where_subtrees_are_new():
    architectures, utilities = trained(20)
    predictor = WeisfeilerLehman(EDGES)
    before = predictor.predict(architectures[:1])[1]
    predictor.fit(architectures[:10], utilities[:10])
    assert before == pytest.approx(1.0, abs=1e-3)
    assert (predictor.predict(architectures)[1] <= np.sqrt(predictor._variance) + 1e-6).all()
    known, unknown = predictor.predict(architectures[:10])[1], predictor.predict(architectures[10:])[1]
    assert known.mean() < unknown.mean()
