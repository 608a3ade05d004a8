"""Options of a search with scores are checked before anything is written."""

from __future__ import annotations

import numpy as np
import pytest
from nasplus_command import refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy=score", "--strategy_options.score=magic"], "unknown score 'magic'; scores: ntk, "),
        (["--strategy=score", "--strategy_options.pool=0"], "pool is 0; use 1 or more"),
        (["--strategy=score", "--strategy_options.pool=many"], "cannot use its options {'pool': 'many'}"),
        (["--strategy=score", "--strategy_options.scored=x"], "'scored' holds no scored architectures"),
        (["--strategy=thompson", "--strategy_options.pool=20"], "pool has no effect without a score"),
        (["--strategy=thompson", "--strategy_options.score=[ntk]"], "cannot use its options {'score': ['ntk']}"),
    ],
)
def test_bad_options_end_the_command_before_anything_is_written(capsys, tmp_path, options, message):
    np.savez(tmp_path / "x.npz", x_train=np.zeros((9, 8, 8), np.uint8), y_train=np.arange(9) % 2)
    words = ["search", "--images", tmp_path / "x.npz", "--space=nb201", "--host=optuna", "--out", tmp_path / "run"]
    assert message in refused(capsys, *words, *options)
    assert not (tmp_path / "run").exists()
