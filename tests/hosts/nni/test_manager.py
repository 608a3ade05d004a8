"""The patched manager: every trial gets its own parameters, whatever dies or is stopped; and what NNI still needs."""

from __future__ import annotations

import inspect
import shutil
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue

import nni_node
import psutil
import pytest
import requests
from nni.experiment import Experiment, launcher
from nni.experiment.config import AlgorithmConfig, CustomAlgorithmConfig
from nni.runtime import msg_dispatcher_base
from nni.runtime.tuner_command_channel import CommandType
from nni_server import free_port, get, trials, wait
from places import NNI_TRIALS

from nni_nasplus import Journal, SearchSpace
from nni_nasplus.hosts.nni.dispatcher.repairs import repair_dispatcher
from nni_nasplus.hosts.nni.manager import living_managers, manager_environment, patient_start
from nni_nasplus.hosts.nni.preloaded import trial_interpreter

SPACE = SearchSpace({"tens": list(range(10)), "ones": list(range(10))})
NODE = Path(nni_node.__path__[0])


def worth(architecture) -> int:
    return architecture["tens"] * 10 + architecture["ones"]


def started(folder, seed, assessor, port):
    code = folder / "code"
    code.mkdir()
    shutil.copy(NNI_TRIALS / "unpaired.py", code)
    experiment = Experiment("local")
    config = experiment.config
    config.search_space = SPACE.to_json()
    config.trial_command = f"{trial_interpreter()} unpaired.py"
    config.trial_code_directory = code
    config.trial_concurrency, config.max_trial_number = 2, 8
    config.experiment_working_directory = folder / "nni"
    config.tuner = CustomAlgorithmConfig(class_name="nni_nasplus.hosts.nni.tuner.NasTuner", class_args={"seed": seed})
    if assessor:
        config.assessor = AlgorithmConfig(name="Medianstop", class_args={"start_step": 1})
    with manager_environment():
        experiment.start(port)
    return experiment


@pytest.mark.nni
@pytest.mark.parametrize(
    ("seed", "assessor"),
    [
        pytest.param(0, True, marks=pytest.mark.system),
        *(pytest.param(seed, seed % 2 == 0, marks=pytest.mark.slow) for seed in range(1, 10)),
    ],
)
def test_record_metric_journal_and_export_belong_together(tmp_path, seed, assessor):
    port = free_port()
    experiment = started(tmp_path, seed, assessor, port)
    try:
        assert wait(port) == "DONE"
        records = trials(port)
        exported = get(port, "export-data")
    finally:
        experiment.stop()
    done = [(parameters, metric) for status, parameters, metric in records if status == "SUCCEEDED"]
    assert [m for p, m in done if m != worth(p)] == []
    assert [e for e in exported if float(e["value"]) != worth(e["parameter"])] == []
    history = Journal.read(tmp_path / "nni" / experiment.id / "nasplus" / "journal.jsonl").history
    assert sorted(t.score for t in history.best) == sorted(m for _, m in done)
    assert all(t.score == worth(t.architecture) for t in history.best)
    assert len(history.finished) == 8
    assert living_managers(tmp_path / "nni") == []


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("rest_server/index.js", "app.listen(this.port)"),
        ("training_service/v3/compat.js", "this.parameters.shift()"),
        ("training_service/v3/compat.js", "'trials', trialJobId, 'output')"),
        ("extensions/nniTensorboardManager.js", "logdirCmd = '--bind_all --logdir_spec'"),
        ("core/tuner_command_channel.js", "}, 10000);"),
        ("core/nnimanager.js", "this.pollInterval = 0.5"),
        ("core/nnimanager.js", "this.experimentProfile.nextSequenceId = maxSequeceId + 1"),
        ("core/nnimanager.js", "this.waitingTrials.push(form)"),
        ("training_service/v3/compat.js", "trial.status = 'USER_CANCELED'"),
        (
            "training_service/v3/compat.js",
            "isEarlyStopped = Boolean(isEarlyStopped);\n    }",
        ),
        ("common/globals/paths.js", "os_1.default.homedir(), 'nni-experiments', '.experiment')"),
        ("common/command_channel/websocket/connection.js", "if (this.missingPongs > 3) {\n            this.sendAsync"),
        ("common/command_channel/rpc_util.js", "const res = await deferred.promise;"),
        ("training_service/remote_v3/worker.js", "-m pip install nni --upgrade"),
        ("training_service/remote_v3/remote.js", "Failed to recover worker"),
        ("training_service/remote_v3/remote.js", "this.workersByTrial.forEach((worker, trialId) => {"),
    ],
)
def test_nni_is_still_the_one_that_the_patch_is_for(file, code):
    assert code in (NODE / file).read_text(), f"NNI changed {file}: look whether our patch of it is still needed"


def test_nnis_dispatcher_still_waits_three_seconds_to_end():
    assert "command_queue.get(timeout=3)" in inspect.getsource(msg_dispatcher_base)
    assert "Queue()" in inspect.getsource(msg_dispatcher_base.MsgDispatcherBase.__init__)


@pytest.mark.parametrize("assessor", [None, "one"])
def test_a_trial_has_ended_before_more_is_asked_for(assessor):
    repair_dispatcher()
    dispatcher = msg_dispatcher_base.MsgDispatcherBase.__new__(msg_dispatcher_base.MsgDispatcherBase)
    dispatcher.assessor = assessor
    dispatcher.default_command_queue, dispatcher.assessor_command_queue = Queue(), Queue()
    for command in (CommandType.TrialEnd, CommandType.RequestTrialJobs):
        dispatcher.enqueue_command(command, {})
    ordered = [command for command, _ in dispatcher.default_command_queue.queue]
    assert ordered == [CommandType.TrialEnd, CommandType.RequestTrialJobs][assessor is not None :]


def test_nni_still_gives_a_manager_no_time_to_start():
    assert "retry: int = 3" in inspect.getsource(launcher._check_rest_server)


def test_a_manager_that_takes_long_to_start_is_waited_for():
    """It answers no JSON at first, as one does that has no handlers yet."""
    answers = iter([b"<html>", b"", b'{"status": "INITIALIZED"}'])

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(next(answers))

        def log_message(self, *_):
            pass

    port = free_port()

    def start():
        time.sleep(5)
        with HTTPServer(("127.0.0.1", port), Slow) as server:
            for _ in range(3):
                server.handle_request()

    threading.Thread(target=start, daemon=True).start()
    with manager_environment():
        launcher._check_rest_server(port)
    assert next(answers, None) is None


@pytest.mark.nni
@pytest.mark.slow
def test_a_tuner_that_takes_long_to_start_is_waited_for(tmp_path):
    """NNI alone gives it ten seconds."""
    (tmp_path / "late.py").write_text(
        "import time; time.sleep(15); from nni_nasplus.hosts.nni.tuner import NasTuner as LateTuner"
    )
    code, port = tmp_path / "code", free_port()
    code.mkdir()
    shutil.copy(NNI_TRIALS / "unpaired.py", code)
    experiment = Experiment("local")
    config = experiment.config
    config.search_space, config.trial_code_directory = SPACE.to_json(), code
    config.trial_command = f"{trial_interpreter()} unpaired.py"
    config.trial_concurrency, config.max_trial_number = 1, 1
    config.experiment_working_directory = tmp_path / "nni"
    config.tuner = CustomAlgorithmConfig(class_name="late.LateTuner", code_directory=tmp_path)
    with manager_environment():
        experiment.start(port)
    try:
        assert wait(port) == "DONE"
    finally:
        experiment.stop()


def test_other_programs_of_node_are_left_alone(tmp_path):
    script = tmp_path / "main.js"
    script.write_text("process.stdout.write(String(process.env.NASPLUS_MANAGER !== undefined))")
    with manager_environment():
        done = subprocess.run([NODE / "node", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("true", "")


@pytest.mark.timeout(30)
def test_a_manager_that_was_killed_before_anybody_looked_is_not_waited_for():
    child = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.02)
    with patient_start(), pytest.raises(requests.ConnectionError):
        launcher._check_rest_server(free_port())
    child.wait()
