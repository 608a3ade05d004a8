"""Time that a trial may take."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("within", "after", "code", "said"),
    [("time.sleep(60)", "", 1, "timed out after 3 s\n"), ("pass", "time.sleep(4)", 0, "")],
)
def test_a_trial_is_measured_until_it_is_done_not_until_its_process_has_ended(within, after, code, said):
    script = f"""
import functools, time
from nni_nasplus.hosts.nni.watchdog import keep_within
with keep_within(3.0, None, functools.partial(print, flush=True)):
    {within}
{after}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=280, check=False)
    assert (done.stdout, done.returncode) == (said, code), done.stderr
