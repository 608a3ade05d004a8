"""Options of a search with proxies are checked before anything is written."""

from __future__ import annotations

import numpy as np
import pytest
from nasplus_command import refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy=proxy", "--strategy_options.proxy=magic"], "unknown proxy 'magic'; available: flops, "),
        (["--strategy=proxy", "--strategy_options.pool=0"], "pool is 0; use 1 or more"),
        (["--strategy=proxy", "--strategy_options.pool=many"], "cannot use its options {'pool': 'many'}"),
        (["--strategy=proxy", "--strategy_options.scored=x"], "has no option 'scored'"),
        (["--strategy=thompson", "--strategy_options.pool=20"], "pool has no effect without a proxy"),
        (["--strategy=thompson", "--strategy_options.proxy=[ntk]"], "unknown proxy '['ntk']'; available: flops"),
    ],
)
def test_bad_options_end_the_command_before_anything_is_written(capsys, tmp_path, options, message):
    np.savez(tmp_path / "x.npz", x_train=np.zeros((9, 8, 8), np.uint8), y_train=np.arange(9) % 2)
    words = ["search", "--images", tmp_path / "x.npz", "--space=nb201", "--host=optuna", "--out", tmp_path / "run"]
    assert message in refused(capsys, *words, *options)
    assert not (tmp_path / "run").exists()
