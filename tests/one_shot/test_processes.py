"""Searches on several devices: two processes of their own images end with the same weights and α."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

HELPERS = Path(__file__).parents[1] / "helpers"


@pytest.mark.system
@pytest.mark.parametrize(
    "name", ["darts", *(pytest.param(name, marks=pytest.mark.slow) for name in ("snas", "gdas", "spos", "enas"))]
)
def test_two_processes_keep_equal_weights_and_alpha_and_find_the_same(name, tmp_path):
    program = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=0", "--standalone"]
    environment = {**os.environ, "PYTHONPATH": str(HELPERS), "OMP_NUM_THREADS": "1"}
    command = [*program, str(HELPERS / "two_processes.py"), name, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in (0, 1))
    assert all(torch.equal(a, b) for a, b in zip(one["weights"], other["weights"], strict=True))
    assert one["found"] == other["found"]
    assert not any(torch.equal(a, b) for a, b in zip(one["seen"], other["seen"], strict=True))
