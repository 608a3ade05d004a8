"""Trees as a torch module: the scores of scikit-learn, here and in ONNX, and saved without knowing how many."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from nni_nasplus.networks.export import export_onnx
from nni_nasplus.spaces.boosting.trees import TreeEnsemble


def fitted(classes: int, seed: int = 0) -> tuple[np.ndarray, HistGradientBoostingClassifier]:
    """A table of float32 with ties, missing and neighbouring values, and trees of its sums."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, 6)).astype(np.float32)
    x[:, 1] = rng.integers(0, 4, 400)
    x[:, 2] = np.float32(16_777_216) + rng.integers(0, 9, 400)
    x[:, 3] = np.where(rng.random(400) < 0.5, np.float32(1), np.nextafter(np.float32(1), np.float32(2)))
    x[rng.random(x.shape) < 0.1] = np.nan
    total = np.nan_to_num(x[:, 0] + x[:, 1]) + 3 * (x[:, 3] > 1)
    y = np.digitize(total, np.quantile(total, np.linspace(0, 1, classes + 1)[1:-1]))
    return x, HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5, random_state=0).fit(x, y)


def of(model: HistGradientBoostingClassifier, iterations: int | None = None) -> TreeEnsemble:
    trees = TreeEnsemble(6, model.n_trees_per_iteration_)
    trees.learn(model, iterations=None if iterations is None else [iterations])
    return trees


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_scores_are_those_of_scikit_learn(classes):
    x, model = fitted(classes)
    expected = model.decision_function(x).reshape(len(x), -1)
    np.testing.assert_allclose(of(model)(torch.from_numpy(x)).numpy(), expected, atol=1e-5)


def test_the_first_iterations_are_a_stage_of_the_model():
    x, model = fitted(3)
    stage = list(model.staged_decision_function(x))[4]
    np.testing.assert_allclose(of(model, 5)(torch.from_numpy(x)).numpy(), stage, atol=1e-5)


def test_several_models_of_a_score_each_stand_side_by_side_each_with_its_own_iterations():
    x, _ = fitted(2)
    labels = np.stack([x[:, 3] > 1, np.nan_to_num(x[:, 0]) > 1], 1)
    models = [HistGradientBoostingClassifier(max_iter=12, random_state=0).fit(x, label) for label in labels.T]
    trees = TreeEnsemble(6, 2)
    trees.learn(*models, iterations=[3, 9])
    stages = [list(m.staged_decision_function(x))[n - 1] for m, n in zip(models, (3, 9), strict=True)]
    np.testing.assert_allclose(trees(torch.from_numpy(x)).numpy(), np.stack(stages, 1), atol=1e-5)


def test_a_number_is_what_scikit_learn_says():
    x, _ = fitted(2)
    model = HistGradientBoostingRegressor(max_iter=15, random_state=0).fit(x, np.nan_to_num(x[:, 0]))
    trees = TreeEnsemble(6, 1)
    trees.learn(model)
    np.testing.assert_allclose(trees(torch.from_numpy(x))[:, 0].numpy(), model.predict(x), atol=1e-5)


def with_codes(seed: int, codes: int, classes: int = 2) -> tuple[np.ndarray, HistGradientBoostingClassifier]:
    """Numbers beside two columns of codes, some of them missing, whose parity tells the class; and trees of them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(600, 4)).astype(np.float32)
    x[:, 1], x[:, 3] = rng.integers(0, codes, 600) * 2, rng.integers(0, 3, 600)
    y = (x[:, 1] // 2 + x[:, 3]) % classes
    x[rng.random(x.shape) < 0.1] = np.nan
    model = HistGradientBoostingClassifier(
        max_iter=15, min_samples_leaf=5, categorical_features=[False, True, False, True], random_state=0
    )
    return x, model.fit(x, y)


@given(st.integers(0, 2**16), st.integers(2, 120), st.sampled_from([2, 3]))
@settings(max_examples=15, deadline=None)
def test_codes_go_where_scikit_learn_sends_them_unknown_ones_too(seed, codes, classes):
    x, model = with_codes(seed, codes, classes)
    trees = TreeEnsemble(4, classes)
    trees.learn(model)
    new = np.concatenate([x, np.array([[0.0, 1, 0, 1], [0, 250, 0, 0], [0, 2, 0, 9]], np.float32)])
    expected = model.decision_function(new).reshape(len(new), -1)
    np.testing.assert_allclose(trees(torch.from_numpy(new)).numpy(), expected, atol=1e-5)


def test_onnx_and_files_keep_where_codes_go(tmp_path):
    x, model = with_codes(0, 50)
    trees, again = TreeEnsemble(4, 2), TreeEnsemble(4, 2)
    trees.learn(model)
    assert export_onnx(trees, torch.from_numpy(x[:1]), tmp_path / "m.onnx")
    (said,) = onnxruntime.InferenceSession(tmp_path / "m.onnx").run(None, {"input": x})
    np.testing.assert_allclose(said, trees(torch.from_numpy(x)).numpy(), atol=1e-5)
    save_file(trees.state_dict(), tmp_path / "m.safetensors")
    again.load_state_dict(load_file(tmp_path / "m.safetensors"))
    assert torch.equal(again(torch.from_numpy(x)), trees(torch.from_numpy(x)))


def test_a_number_between_two_float32_splits_them():
    x = np.array([[1.0], [np.nextafter(np.float32(1), np.float32(2))]] * 50, np.float32)
    model = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=1).fit(x, [0, 1] * 50)
    scores = of(model)(torch.from_numpy(x[:2]))
    np.testing.assert_allclose(scores[:, 0].numpy(), model.decision_function(x[:2]), atol=1e-5)
    assert scores[0] < 0 < scores[1]


@pytest.mark.parametrize("classes", [2, 4])
def test_onnx_gives_the_same_scores_for_any_number_of_rows(classes, tmp_path):
    x, model = fitted(classes)
    trees = of(model)
    assert export_onnx(trees, torch.from_numpy(x[:1]), tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    for rows in (x[:1], x):
        (scores,) = session.run(None, {"input": rows})
        np.testing.assert_allclose(scores, trees(torch.from_numpy(rows)).numpy(), atol=1e-6)


def test_a_new_one_takes_as_many_trees_as_it_loads(tmp_path):
    x, model = fitted(3)
    trees, again = of(model), TreeEnsemble(6, 3)
    assert torch.equal(again(torch.from_numpy(x)), torch.zeros(len(x), 3))
    save_file(trees.state_dict(), tmp_path / "w.safetensors")
    again.load_state_dict(load_file(tmp_path / "w.safetensors"))
    assert torch.equal(again(torch.from_numpy(x)), trees(torch.from_numpy(x)))


DAMAGES = {
    "a step beyond the last node": {"below": torch.full((9, 2), 9)},
    "a step before the first node": {"below": torch.full((9, 2), -1)},
    "a number that there is not": {"feature": torch.full((9,), 6)},
    "a tree beyond the last node": {"roots": torch.tensor([0, 9])},
    "a tree too few": {"roots": torch.tensor([0])},
    "fewer values than nodes": {"value": torch.zeros(8)},
    "nodes without their neighbours": {"below": torch.zeros(18, dtype=torch.long)},
    "a subset that there is not": {"subset": torch.ones(9, dtype=torch.long)},
    "subsets without a place for what is missing": {"subsets": torch.zeros(1, 0, dtype=torch.bool)},
    "more scores than classes": {"offset": torch.zeros(3), "roots": torch.zeros(3, dtype=torch.long)},
    "endless trees": {"depth": torch.tensor(2**60)},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_trees_that_do_not_fit_together_are_refused(damage):
    trees = TreeEnsemble(6, 2)
    nodes = ("feature", "threshold", "missing_left", "subset", "value")
    sizes = {**dict.fromkeys(nodes, (9,)), "below": (9, 2), "roots": (4,)}
    whole = {name: torch.zeros(sizes.get(name, x.shape), dtype=x.dtype) for name, x in trees.state_dict().items()}
    trees.load_state_dict(whole)
    with pytest.raises(RuntimeError, match="do not fit together"):
        TreeEnsemble(6, 2).load_state_dict({**whole, **damage})
