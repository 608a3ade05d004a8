"""Trials forked from a preloaded process end, log and look like trials of a plain interpreter."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from nni_server import free_port, trials, wait

from nni_nasplus.hosts.nni.preloaded import trial_interpreter

FORKED = shlex.split(trial_interpreter())
PLAIN = [sys.executable]
LOOK = """
import json, os, random, sys
import nni, numpy, torch
print(json.dumps({
    "arguments": sys.argv, "directory": os.getcwd(), "path": sys.path[0], "mark": os.environ.get("MARK"),
    "variables": sorted(os.environ), "experiment": nni.get_experiment_id(), "trial": nni.get_trial_id(),
    "number": nni.get_sequence_id(), "threads": torch.get_num_threads(), "name": __name__, "file": __file__,
}), file=sys.__stdout__)
print(random.random(), numpy.random.rand(), torch.rand(1).item(), file=sys.stderr)
"""


def of(folder: Path) -> list[psutil.Process]:
    """The fork servers whose socket is in a folder; the trials forked from them have their command lines."""
    found = {}
    for process in psutil.process_iter(["cmdline", "ppid", "status"]):
        command = process.info["cmdline"] or []
        socket = any(word.startswith(f"{folder}/") and word.endswith(".sock") for word in command)
        if socket and process.info["status"] != psutil.STATUS_ZOMBIE:
            found[process.pid] = process
    return [process for process in found.values() if process.info["ppid"] not in found]


def until(condition, limit_s: float = 30.0) -> bool:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def ended(process: int) -> bool:
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(scope="module")
def sockets(tmp_path_factory):
    """A folder for this module's sockets; its server ends with the tests."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        yield Path(folder)
        for server in of(Path(folder)):
            server.terminate()
        assert until(lambda: not of(Path(folder)))
        assert list(Path(folder).rglob("*.sock")) == []


@pytest.fixture
def script(sockets, tmp_path):
    """Write a trial."""

    def write(code: str) -> str:
        path = tmp_path / "trial.py"
        path.write_text(textwrap.dedent(code))
        return str(path)

    return write


def run(command, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=280, **options)


def preloaded(forked: bool) -> dict[str, str]:
    return {**os.environ, "NASPLUS_PRELOAD": "1" if forked else "0"}


both = pytest.mark.parametrize("forked", [True, False], ids=["forked", "fallback"])


@both
@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("print('well')", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no')", 1, "no\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, "killed by signal 9 (SIGKILL), as the system"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGABRT)", 134, "nasplus: the trial was killed by signal 6"),
    ],
)
def test_a_trial_ends_as_its_code_ends(script, forked, code, status, words):
    done = run([*FORKED, script(code)], env=preloaded(forked))
    assert done.returncode == status
    assert words in done.stderr
    assert done.stdout == ("well\n" if status == 0 else "")


def test_a_traceback_is_the_same_as_a_plain_interpreters(script):
    path = script("def f():\n    raise ValueError('x')\nf()\n")
    forked, plain = run([*FORKED, path]), run([*PLAIN, path])
    assert forked.returncode == plain.returncode == 1
    assert forked.stderr == plain.stderr


@both
def test_a_stopped_trial_is_interrupted_and_its_client_dies_by_the_signal(script, tmp_path, forked):
    path = script(
        """
        import sys, time
        try:
            print("up", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            raise
        """
    )
    client = subprocess.Popen(
        [*FORKED, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=preloaded(forked)
    )
    assert client.stdout.readline() == "up\n"
    client.send_signal(signal.SIGINT)
    out, errors = client.communicate(timeout=280)
    assert (client.returncode, out) == (-signal.SIGINT, "interrupted\n")
    assert "KeyboardInterrupt" in errors
    assert "nasplus" not in errors


@both
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_trial_that_is_stopped_at_its_end_has_ended_well_and_says_nothing(script, forked, number):
    path = script(
        """
        import atexit, time
        from nni_nasplus._signals import stoppable

        def end():
            print("ending", flush=True)
            time.sleep(0.5)
            print("ended", flush=True)

        atexit.register(end)
        with stoppable():
            pass
        """
    )
    client = subprocess.Popen(
        [*FORKED, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=preloaded(forked)
    )
    assert client.stdout.readline() == "ending\n"
    client.send_signal(number)
    client.send_signal(number)
    assert (*client.communicate(timeout=280), client.returncode) == ("ended\n", "", 0)


def test_a_forked_trial_that_is_interrupted_in_an_exit_function_or_a_thread_says_nothing(script):
    thread = """
        import sys, threading, time, traceback

        def wait():
            main = threading.main_thread().ident
            while "_shutdown" not in [line.name for line in traceback.extract_stack(sys._current_frames()[main])]:
                time.sleep(0.01)  # an interrupt before is one of the script, which a plain interpreter tells too
            print("up", flush=True)
            time.sleep(1)

        threading.Thread(target=wait).start()
        """
    at_exit = "import atexit, time; atexit.register(lambda: (print('up', flush=True), time.sleep(1)))"
    for code, status in ((thread, -signal.SIGINT), (at_exit, 0)):
        client = subprocess.Popen([*FORKED, script(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert client.stdout.readline() == "up\n"
        client.send_signal(signal.SIGINT)
        assert (client.communicate(timeout=280)[1], client.returncode) == ("", status)


@both
def test_a_killed_client_takes_the_trial_and_its_workers_along(script, forked):
    path = script(
        """
        import os, subprocess, time
        worker = subprocess.Popen(["sleep", "60"])
        print(os.getpid(), worker.pid, flush=True)
        time.sleep(60)
        """
    )
    client = subprocess.Popen([*FORKED, path], stdout=subprocess.PIPE, text=True, env=preloaded(forked))
    processes = [int(word) for word in client.stdout.readline().split()]
    client.kill()
    client.wait()
    assert until(lambda: all(map(ended, processes)))


@pytest.mark.system
def test_a_killed_server_takes_its_trials_along_and_the_next_trial_starts_another(script, sockets):
    path = script("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    client = subprocess.Popen([*FORKED, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    trial = int(client.stdout.readline())
    (server,) = of(sockets)
    server.kill()
    assert client.wait(280) == 1
    assert "is gone" in client.stderr.read()
    assert until(lambda: ended(trial))
    assert run([*FORKED, script("print('again')")]).stdout == "again\n"


def test_a_trial_sees_what_a_plain_one_sees(script, tmp_path):
    path = script(LOOK + "\nprint('hello')\nimport logging; logging.getLogger('x').warning('hm')\n")
    seen = []
    for kind, interpreter in (("plain", PLAIN), ("forked", FORKED)):
        nni = {"NNI_PLATFORM": "local", "NNI_EXP_ID": "e", "NNI_TRIAL_JOB_ID": "t7", "NNI_TRIAL_SEQ_ID": "7"}
        nni |= {"NNI_OUTPUT_DIR": str(tmp_path / kind), "NNI_SYS_DIR": str(tmp_path / kind), "MARK": "mine"}
        done = run([*interpreter, path, "a b", "-c"], env=os.environ | nni, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        log = (tmp_path / kind / "trial.log").read_text()
        seen.append((json.loads(done.stdout), [line[21:] for line in log.splitlines()]))
    assert seen[0] == seen[1]
    assert seen[0][0]["trial"] == "t7"
    assert seen[0][1] == [" PRINT hello", " WARNING (x/MainThread) hm"]


def test_a_module_is_run_as_python_runs_it(script, tmp_path):
    path = script(LOOK.replace('"file": __file__', '"spec": __spec__.name'))
    plain, forked = (run([*kind, "-m", "trial", "1"], cwd=Path(path).parent) for kind in (PLAIN, FORKED))
    assert json.loads(plain.stdout) == json.loads(forked.stdout)


def test_what_is_not_there_ends_as_plain_python_ends(sockets):
    forked, plain = (run([*kind, "none.py"]) for kind in (FORKED, PLAIN))
    assert forked.returncode == plain.returncode == 2
    assert forked.stderr == plain.stderr
    forked, plain = (run([*kind, "-m", "none.such"]) for kind in (FORKED, PLAIN))
    assert forked.returncode == plain.returncode == 1


def test_a_server_that_fails_is_named_and_the_trial_runs_all_the_same(script, sockets, tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemError('torch is broken')")
    broken = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [*PLAIN, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))", *FORKED]
    done = run([*command, script("print('well')")], env=broken)
    assert (done.returncode, done.stdout) == (0, "well\n")
    assert "starts without preloading" in done.stderr
    assert "torch is broken" in done.stderr


def test_the_command_is_the_interpreter(script):
    done = run([Path(sys.executable).with_name("nasplus-python"), script("import sys; print(sys.argv)"), "a b"])
    assert done.returncode == 0, done.stderr
    assert "'a b'" in done.stdout


@pytest.mark.system
def test_a_server_can_be_started_ahead_of_the_first_trial(script, sockets):
    code = """
        import subprocess, sys
        assert subprocess.call([*sys.argv[1:-1], "--preload", "-m", "nni_nasplus.hosts.nni", "/none"]) == 0
        print(subprocess.run(sys.argv[1:], capture_output=True, text=True).stdout, flush=True)
        sys.stdin.read()
    """
    before = of(sockets)
    command = [*PLAIN, "-c", textwrap.dedent(code), *FORKED, script("import os; print(os.getppid())")]
    manager = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server = int(manager.stdout.readline())
    assert [process.pid for process in of(sockets) if process not in before] == [server]
    manager.communicate()
    assert until(lambda: ended(server))


def test_no_server_is_started_for_a_trial_whose_manager_is_gone(script, sockets, tmp_path):
    code = """
        import os, subprocess, sys, time
        if os.fork():
            os._exit(0)
        while os.getppid() != 1:
            time.sleep(0.01)
        os.execv(sys.argv[1], sys.argv[1:])
    """
    before, out = of(sockets), tmp_path / "out"
    with out.open("w") as file:
        command = [*PLAIN, "-c", textwrap.dedent(code), *FORKED, script("print('well')")]
        subprocess.run(command, stdout=file, stderr=file, check=True, timeout=280)
    assert until(lambda: "well" in out.read_text()), out.read_text()
    assert "without preloading, for the fork server failed: the manager is gone" in out.read_text()
    assert of(sockets) == before


def test_random_states_differ_between_trials(script):
    path = script(LOOK)
    first, second = (run([*FORKED, path]).stderr.split() for _ in range(2))
    assert len({*first, *second}) == 6


MANAGER = """
import subprocess, sys
trials = [subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True) for _ in range(2)]
print(*[trial.stdout.readline().strip() for trial in trials], flush=True)
trials[0].wait()
"""


@pytest.mark.system
def test_two_clients_start_one_server_which_ends_with_its_manager(script, sockets, tmp_path):
    before = of(sockets)
    path = script("import os, time; print(os.getppid(), os.getpid(), flush=True); time.sleep(60)")
    manager = subprocess.Popen([*PLAIN, "-c", MANAGER, *FORKED, path], stdout=subprocess.PIPE, text=True)
    server, trial, same, other = (int(word) for word in manager.stdout.readline().split())
    assert server == same
    assert [process.pid for process in of(sockets) if process not in before] == [server]
    manager.kill()
    manager.wait()
    assert until(lambda: all(map(ended, (server, trial, other))))
    assert len(list(sockets.rglob("*.sock"))) == len(before)


@pytest.mark.system
def test_preloading_does_not_touch_cuda(tmp_path):
    code = """
        import torch
        def trap(*_):
            raise SystemExit("CUDA was touched")
        torch._C._cuda_getDeviceCount = torch.cuda._lazy_init = trap
        from nni_nasplus.hosts.nni.preloaded.preload import preload
        threads = preload(["trial.py"])
        assert torch.get_num_threads() == 1 and threads >= 1 and not torch.cuda.is_initialized()
    """
    done = run([*PLAIN, "-c", textwrap.dedent(code)])
    assert done.returncode == 0, done.stderr


def test_preloading_imports_the_run_directorys_space_and_evaluator(tmp_path):
    from nni_nasplus.hosts.nni.preloaded.preload import _plugged_in

    settings = {"space": {"class_path": "a.b.C"}, "evaluator": {"class_path": "d.E"}}
    (tmp_path / "run.json").write_text(json.dumps(settings))
    assert _plugged_in(["-m", "nni_nasplus.hosts.nni", str(tmp_path)]) == ["a.b", "d"]
    assert _plugged_in(["-m", "nni_nasplus.hosts.nni", "/none"]) == []
    assert _plugged_in(["trial.py"]) == []


TRIAL = """
import nni
value = nni.get_next_parameter()["x"]
nni.report_intermediate_result(value)
nni.report_final_result(value)
"""


@pytest.mark.nni
@pytest.mark.system
def test_an_experiment_of_preloaded_trials(sockets, tmp_path, monkeypatch):
    from nni.experiment import Experiment

    before = set(of(sockets))
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "trial.py").write_text(TRIAL)
    experiment = Experiment("local")
    config = experiment.config
    config.search_space = {"x": {"_type": "uniform", "_value": [0, 1]}}
    config.trial_command = f"{trial_interpreter()} trial.py"
    config.trial_code_directory = tmp_path / "code"
    config.trial_concurrency, config.max_trial_number = 1, 4
    config.tuner.name = "Random"
    config.experiment_working_directory = tmp_path / "nni"
    port = free_port()
    experiment.start(port)
    try:
        assert wait(port) == "DONE"
        records = trials(port)
        assert len(set(of(sockets)) - before) == 1
    finally:
        experiment.stop()
    assert [status for status, _, _ in records] == ["SUCCEEDED"] * 4
    assert all(metric == parameters["x"] for _, parameters, metric in records)
    assert until(lambda: not set(of(sockets)) - before)
