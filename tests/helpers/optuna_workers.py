"""A search by workers of Optuna, to its end, and what must have come of it."""

from __future__ import annotations

import contextlib
import subprocess

import psutil
import pytest
from digits_search import going_on
from processes import command_of

pytest.importorskip("optuna")

from optuna.trial import TrialState

from nni_nasplus.hosts.optuna.study import open_study


def complete(run, limit_s: float = 280) -> str:
    process = going_on(run)
    out, _ = process.communicate(timeout=limit_s)
    assert process.returncode == 0, out
    assert "Traceback" not in out
    return out


def workers(main: subprocess.Popen) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        found = psutil.Process(main.pid).children(recursive=True)
        return [p for p in found if "nni_nasplus.hosts.optuna" in command_of(p)]
    return []


def worth(architecture) -> float:
    return architecture["tens"] * 10 + architecture["ones"]


def require_whole(run, trials: int) -> list:
    """Every trial of the study and of the journal is done, once, and right."""
    study = open_study(run)
    done = [t for t in study.trials if t.state == TrialState.COMPLETE]
    assert len(done) == trials
    assert len({str(t.params) for t in done}) == trials
    assert all(t.value == worth(t.params) for t in done)
    history = run.history()
    assert [t.status for t in history.trials] == ["done"] * trials
    assert all(t.score == worth(t.architecture) for t in history.trials)
    return study.trials
