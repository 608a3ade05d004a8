"""What NasExperiment refuses before anything starts, and what is left of it after SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import nni
import psutil
import pytest
from nas_functions import Digits, worth
from nni.nas.evaluator import FunctionalEvaluator
from nni_server import free_port, get
from places import HELPERS
from processes import PythonProcess, run_python

from nni_nasplus.hosts.nni.manager import living_managers
from nni_nasplus.hosts.nni.nas.importable import require_importable

EXPERIMENT = """
import sys
from nni.nas.evaluator import FunctionalEvaluator
from nni_nasplus import UserError
from nni_nasplus.hosts.nni import NasExperiment, NasStrategy
from nni_nasplus.strategies import RandomSearch
from nas_functions import Digits, worth
{own}
experiment = NasExperiment({space}(), {evaluator}, NasStrategy(RandomSearch()))
experiment.config.experiment_working_directory, experiment.config.max_trial_number = sys.argv[1], 40
try:
    experiment.run(int(sys.argv[2]))
except UserError as error:
    print(error)
"""
OWN_SPACE = "class Mine(Digits):\n    pass"
OWN_FUNCTION = "def mine(model):\n    pass"
OWN_EVALUATOR = """
from dataclasses import dataclass
from toys import Width
@dataclass(frozen=True, kw_only=True)
class Mine(Width):
    pass
"""


@pytest.fixture
def path(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HELPERS), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.parametrize(
    ("own", "space", "evaluator", "name"),
    [
        (OWN_SPACE, "Mine", "FunctionalEvaluator(worth)", "Mine"),
        (OWN_FUNCTION, "Digits", "FunctionalEvaluator(mine)", "mine"),
        (OWN_EVALUATOR, "Digits", "Mine()", "Mine"),
    ],
    ids=["space", "function", "evaluator"],
)
def test_what_the_script_defines_is_refused_in_a_line(tmp_path, path, own, space, evaluator, name):
    script = tmp_path / "script.py"
    script.write_text(EXPERIMENT.format(own=own, space=space, evaluator=evaluator))
    done = run_python([script, tmp_path / "nni", free_port()], check=True)
    assert done.stdout.splitlines()[-1] == (
        f"{name} is defined in the script that runs, from which trials cannot import it; "
        f"move it to a module beside the script, and there: from that_module import {name}"
    )
    assert not list((tmp_path / "nni").glob("*/db"))


def test_what_modules_define_is_taken():
    require_importable(Digits(), FunctionalEvaluator(worth))


def test_nni_still_takes_two_slashes_in_a_nested_text_for_a_comment():
    pickled = json.dumps(json.dumps({"type": "bytes:gASV//8="}))
    assert nni.load(nni.dump({"payload": pickled}), ignore_comments=False) == {"payload": pickled}
    with pytest.raises(ValueError, match="Unterminated string"):
        nni.load(nni.dump({"payload": pickled}))


@pytest.mark.system
@pytest.mark.nni
def test_after_sigterm_nothing_is_left(tmp_path, path):
    script, port = tmp_path / "script.py", free_port()
    script.write_text(EXPERIMENT.format(own="", space="Digits", evaluator="FunctionalEvaluator(worth)"))
    process = PythonProcess([script, tmp_path / "nni", port], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not _has_trials(port):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.5)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert psutil.wait_procs(family, timeout=30)[1] == []
    assert living_managers(tmp_path / "nni") == []


def _has_trials(port: int) -> bool:
    try:
        return any(job["status"] == "RUNNING" for job in get(port, "trial-jobs"))
    except OSError:
        return False
