"""Tails of searches as short as they get, where what is tested is something else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nni_nasplus.tail import tested

__all__ = ["QUICK", "few_draws"]

QUICK = {"tail_minutes": 1e-9, "baseline_trials": 1}
"""Settings: nothing is repeated, and each baseline trained once."""
_DRAWS = 20
"""Most of a quick tail's time is the scores of resamples, 200 for each of six contenders."""


@pytest.fixture(scope="package", autouse=True)
def few_draws() -> Iterator[None]:
    """Intervals of few resamples, in the folder whose conftest imports this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tested, "DRAWS", _DRAWS)
        yield
