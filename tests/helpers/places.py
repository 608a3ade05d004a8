"""Where things lie in the checkout."""

from __future__ import annotations

from pathlib import Path

HELPERS = Path(__file__).parent
NNI_TRIALS = HELPERS.with_name("nni_trials")
ROOT = HELPERS.parents[1]
